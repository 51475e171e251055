/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forced in front of every file that sees mingw-w64's DDK headers in a native build (-include): it
 * stands in for <intrin.h>, and turns what those headers inline (CR8, the gs segment, interlocked
 * operations) into calls of the simulator or into atomics that the sanitizers understand.
 */
#ifndef SIMULATED_NT_PREFIX_H
#define SIMULATED_NT_PREFIX_H
#pragma GCC system_header /* it redefines words that clang knows as keywords */

/* The compiler's own, first; mingw's headers would define these differently for Linux. */
#include <stddef.h>
#define _SIZE_T_DEFINED
#define _PTRDIFF_T_DEFINED
#define _PTRDIFF_T_
#define _WCHAR_T_DEFINED

/* Interlocked operations and CR8 come from here, not from mingw's inline assembly. */
#define __INTRIN_H_
#define _exception_code sim_exception_code

#define sim_declspec_dllimport
#define sim_declspec_dllexport
#define sim_declspec_novtable
#define sim_declspec_deprecated
#define sim_declspec_selectany    __attribute__((weak))
#define sim_declspec_noreturn     __attribute__((noreturn))
#define sim_declspec_noinline     __attribute__((noinline))
#define sim_declspec_nothrow      __attribute__((nothrow))
#define sim_declspec_align(bytes) __attribute__((aligned(bytes)))
#define sim_declspec_uuid(text)
#define __declspec(what) sim_declspec_##what

#define __cdecl
#define __stdcall
#define __fastcall
#define _cdecl
#define _stdcall
#define _fastcall

/* `caller` is the function that touches CR8: KfRaiseIrql, KeLowerIrql, or a driver's own. */
unsigned long long sim_cr8_read(void);
void sim_cr8_write(const char *caller, unsigned long long irql);
#define __readcr8()      sim_cr8_read()
#define __writecr8(irql) sim_cr8_write(__func__, (irql))

/* The processor's control block: 0x188 the thread, 0x184 the processor's number. */
unsigned long long sim_gs_read(unsigned long offset);
#define __readgsbyte(offset)  ((unsigned char)sim_gs_read(offset))
#define __readgsword(offset)  ((unsigned short)sim_gs_read(offset))
#define __readgsdword(offset) ((unsigned int)sim_gs_read(offset))
#define __readgsqword(offset) sim_gs_read(offset)

#define _mm_pause()              __builtin_ia32_pause()
#define __stosb(to, byte, count) ((void)__builtin_memset((to), (byte), (count)))
#define _ReadWriteBarrier()      __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define _ReadBarrier()           __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define _WriteBarrier()          __atomic_signal_fence(__ATOMIC_SEQ_CST)
#define __faststorefence()       __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define __int2c()                __builtin_trap()

#define SIM_INTERLOCKED(suffix, type)                                                                                  \
    static inline type _InterlockedIncrement##suffix(type volatile *target)                                            \
    {                                                                                                                  \
        return __atomic_add_fetch(target, 1, __ATOMIC_SEQ_CST);                                                        \
    }                                                                                                                  \
    static inline type _InterlockedDecrement##suffix(type volatile *target)                                            \
    {                                                                                                                  \
        return __atomic_sub_fetch(target, 1, __ATOMIC_SEQ_CST);                                                        \
    }                                                                                                                  \
    static inline type _InterlockedAdd##suffix(type volatile *target, type value)                                      \
    {                                                                                                                  \
        return __atomic_add_fetch(target, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                  \
    static inline type _InterlockedExchangeAdd##suffix(type volatile *target, type value)                              \
    {                                                                                                                  \
        return __atomic_fetch_add(target, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                  \
    static inline type _InterlockedExchange##suffix(type volatile *target, type value)                                 \
    {                                                                                                                  \
        return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);                                                   \
    }                                                                                                                  \
    static inline type _InterlockedAnd##suffix(type volatile *target, type value)                                      \
    {                                                                                                                  \
        return __atomic_fetch_and(target, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                  \
    static inline type _InterlockedOr##suffix(type volatile *target, type value)                                       \
    {                                                                                                                  \
        return __atomic_fetch_or(target, value, __ATOMIC_SEQ_CST);                                                     \
    }                                                                                                                  \
    static inline type _InterlockedXor##suffix(type volatile *target, type value)                                      \
    {                                                                                                                  \
        return __atomic_fetch_xor(target, value, __ATOMIC_SEQ_CST);                                                    \
    }                                                                                                                  \
    static inline type _InterlockedCompareExchange##suffix(type volatile *target, type value, type comparand)          \
    {                                                                                                                  \
        (void)__atomic_compare_exchange_n(target, &comparand, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);           \
        return comparand;                                                                                              \
    }
SIM_INTERLOCKED(, int)
SIM_INTERLOCKED(64, long long)

static inline void *_InterlockedExchangePointer(void *volatile *target, void *value)
{
    return __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST);
}

static inline void *_InterlockedCompareExchangePointer(void *volatile *target, void *value, void *comparand)
{
    (void)__atomic_compare_exchange_n(target, &comparand, value, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return comparand;
}

static inline unsigned char _interlockedbittestandset(int volatile *target, int bit)
{
    return (unsigned char)((unsigned)_InterlockedOr(target, (int)(1U << bit)) >> bit & 1U);
}

static inline unsigned char _interlockedbittestandreset(int volatile *target, int bit)
{
    return (unsigned char)((unsigned)_InterlockedAnd(target, (int)~(1U << bit)) >> bit & 1U);
}

static inline void _InterlockedAddLargeStatistic(long long volatile *target, int value)
{
    (void)_InterlockedAdd64(target, value);
}

#endif
