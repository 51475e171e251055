/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The smallest program there is: no libc, no dynamic linker. Exits with the number that argv[1]
 * ends in, modulo 251; with argv[2], modulo 256. No number, or no argument: 0.
 */

static unsigned long trailing_number(const char *text)
{
    unsigned long number = 0;

    for (; *text; text++)
        number = *text >= '0' && *text <= '9' ? number * 10 + (unsigned long)(*text - '0') : 0;
    return number;
}

/* Called by _start with the stack as the kernel made it: argc, argv[0], argv[1], ... */
__attribute__((used)) void tiny_main(const unsigned long *stack)
{
    unsigned long argc = stack[0];
    const char *const *argv = (const char *const *)(stack + 1);
    unsigned long code = 0;

    if (argc > 1)
        code = trailing_number(argv[1]) % (argc > 2 ? 256 : 251);
    __asm__ volatile("syscall" : : "a"(231UL /* exit_group */), "D"(code) : "rcx", "r11", "memory");
    __builtin_unreachable();
}

__asm__(".globl _start\n_start:\n  mov %rsp, %rdi\n  and $-16, %rsp\n  call tiny_main\n");
