/*
 * test.h - cmocka and what it needs, in the order it needs it.
 */
#ifndef ROLECALL_TESTS_TEST_H
#define ROLECALL_TESTS_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

#endif
