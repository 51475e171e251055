/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lock and context annotations. Under clang they are checked (-Wthread-safety); elsewhere they are
 * documentation. An attribute on a declaration follows the declarator: the form that clang accepts
 * in C for functions, https://clang.llvm.org/docs/ThreadSafetyAnalysis.html.
 */
#ifndef MUSTER_ANNOTATIONS_H
#define MUSTER_ANNOTATIONS_H

#if defined(__clang__)
#define MUSTER_ATTRIBUTE(x) __attribute__((x))
#else
#define MUSTER_ATTRIBUTE(x)
#endif

#define MUSTER_CAPABILITY(name)           MUSTER_ATTRIBUTE(capability(name))
#define MUSTER_GUARDED_BY(lock)           MUSTER_ATTRIBUTE(guarded_by(lock))
#define MUSTER_REQUIRES(lock)             MUSTER_ATTRIBUTE(requires_capability(lock))
#define MUSTER_EXCLUDES(lock)             MUSTER_ATTRIBUTE(locks_excluded(lock))
#define MUSTER_ACQUIRES(lock)             MUSTER_ATTRIBUTE(acquire_capability(lock))
#define MUSTER_RELEASES(lock)             MUSTER_ATTRIBUTE(release_capability(lock))
#define MUSTER_TRY_ACQUIRES(result, lock) MUSTER_ATTRIBUTE(try_acquire_capability(result, lock))
#define MUSTER_NO_THREAD_SAFETY_ANALYSIS  MUSTER_ATTRIBUTE(no_thread_safety_analysis)

#if defined(__GNUC__)
#define MUSTER_MUST_CHECK __attribute__((warn_unused_result))
#if defined(__MINGW32__) && !defined(__clang__) /* where plain printf is Microsoft's */
#define MUSTER_PRINTF(string, first) __attribute__((format(gnu_printf, string, first)))
#else
#define MUSTER_PRINTF(string, first) __attribute__((format(printf, string, first)))
#endif
#else
#define MUSTER_MUST_CHECK
#define MUSTER_PRINTF(string, first)
#endif

#endif
