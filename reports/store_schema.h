/*
 * store_schema.h - the tables of a store, and how those of older versions become them.
 */
#ifndef ROLECALL_REPORTS_STORE_SCHEMA_H
#define ROLECALL_REPORTS_STORE_SCHEMA_H

/* In the header of the file: "role", so that a foreign database is known as one. */
#define STORE_APPLICATION_ID 0x726f6c65

/* Step n makes version n + 1 of version n; an empty file is version 0. A step that was released is
 * never changed. */
extern const char *const store_steps[];
extern const unsigned store_version;

/* Statements that fill the tables with columns from the records of audit ?1. */
extern const char *const store_fills[];
extern const unsigned store_fill_count;

#endif
