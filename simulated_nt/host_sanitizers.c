/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What ThreadSanitizer and AddressSanitizer are told. The simulator keeps its books under locks of its own;
 * were these seen as synchronisation, every allocation would order all threads and hide the
 * driver's races. So the books are invisible, and what NT documents as synchronisation is said aloud.
 */
#include "simulated_nt/sim_internal.h"

#ifndef __has_feature
#define __has_feature(what) 0
#endif

#if defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
/* Of the sanitizer's run time (compiler-rt: tsan_interface_ann.cpp, tsan_interface.h). */
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
void AnnotateIgnoreWritesBegin(const char *file, int line);
void AnnotateIgnoreWritesEnd(const char *file, int line);
void AnnotateIgnoreSyncBegin(const char *file, int line);
void AnnotateIgnoreSyncEnd(const char *file, int line);
void __tsan_acquire(void *address);
void __tsan_release(void *address);
void __tsan_write_range(void *address, unsigned long bytes);

void sim_own_begin(void)
{
    AnnotateIgnoreReadsBegin(__FILE__, __LINE__);
    AnnotateIgnoreWritesBegin(__FILE__, __LINE__);
    AnnotateIgnoreSyncBegin(__FILE__, __LINE__);
}

void sim_own_end(void)
{
    AnnotateIgnoreSyncEnd(__FILE__, __LINE__);
    AnnotateIgnoreWritesEnd(__FILE__, __LINE__);
    AnnotateIgnoreReadsEnd(__FILE__, __LINE__);
}

void sim_sync_acquire(const void *object)
{
    __tsan_acquire((void *)(uintptr_t)object);
}

void sim_sync_release(const void *object)
{
    __tsan_release((void *)(uintptr_t)object);
}

void sim_memory_written(void *address, size_t bytes)
{
    __tsan_write_range(address, bytes);
}
#else
void sim_own_begin(void)
{
}

void sim_own_end(void)
{
}

void sim_sync_acquire(const void *object)
{
    (void)object;
}

void sim_sync_release(const void *object)
{
    (void)object;
}

void sim_memory_written(void *address, size_t bytes)
{
    (void)address;
    (void)bytes;
}
#endif

#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
void __asan_poison_memory_region(void const volatile *address, size_t bytes);
void __asan_unpoison_memory_region(void const volatile *address, size_t bytes);

void sim_memory_forbid(void *address, size_t bytes)
{
    __asan_poison_memory_region(address, bytes);
}

void sim_memory_permit(void *address, size_t bytes)
{
    __asan_unpoison_memory_region(address, bytes);
}
#else
void sim_memory_forbid(void *address, size_t bytes)
{
    (void)address;
    (void)bytes;
}

void sim_memory_permit(void *address, size_t bytes)
{
    (void)address;
    (void)bytes;
}
#endif
