#!/usr/bin/env python3
"""embed.py - a file as a constant of the program.

usage: embed.py FILE OUT.c NAME
"""
import sys


def main():
    source, out, name = sys.argv[1:]
    with open(source, 'rb') as f:
        octets = f.read()
    with open(out, 'w', encoding='ascii') as f:
        f.write('#include <stddef.h>\n\n')
        f.write('extern const unsigned char %s[];\nextern const size_t %s_length;\n\n' % (name, name))
        f.write('const unsigned char %s[] = {\n' % name)
        for i in range(0, len(octets), 24):
            f.write('    %s,\n' % ','.join(map(str, octets[i:i + 24])))
        f.write('};\nconst size_t %s_length = sizeof %s;\n' % (name, name))


if __name__ == '__main__':
    sys.exit(main())
