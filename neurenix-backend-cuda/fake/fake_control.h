// What a test says to the fake driver. The environment variable PHYNEXUS_FAKE_CUDA says the same to a process from its
// start: "devices=2,version=12040,fail=cuMemAlloc_v2:3:999".
#pragma once

#include <cstdint>

#pragma GCC visibility push(default)
extern "C" {
// All devices as at first, of one process that has none in use.
void phynexus_fake_reset();
// devices (2), version (13000), memory (bytes of each device), architecture (90), architecture1 (of the
// second device, where it is another), multiprocessors (4), shared (bytes
// that a block may have; 0: 227 KB of CUDA's, 64 KB of HIP's), gone (1: what is lost stays lost), backwards (1: of a
// graph's launches that do not wait for each other the last one runs first), slow (microseconds that each kernel waits
// before it begins), stays (1: the calls behind one that was told to fail do too), broken (the number that all calls in
// the first device's context answer from now on, until that is reset). False: no such thing.
bool phynexus_fake_set(const char* what, int64_t value);
// The nth call of a function from now on, from 1, does nothing and answers `code`; one that loses a device loses the
// calling thread's. 0: none of them.
void phynexus_fake_fail(const char* function, int64_t nth, int code);
// The nth kernel from now on that begins, from 1, writes its mark and faults: the device is lost with `code`.
void phynexus_fake_fault(int64_t nth, int code);
// How often a function was called.
int64_t phynexus_fake_calls(const char* function);
// All functions that the engine calls, in turn; null beyond the last.
const char* phynexus_fake_function(int index);
// Bytes of a device's memory that are taken.
int64_t phynexus_fake_used(int device);

// For a fake library over this driver. Counts a call of its: 0, or what a test wants it to answer, or the error of the
// device in whose context the thread is.
int phynexus_fake_begin(const char* function);
// Puts work(data) into a stream, where it is a kernel; `data` is the stream's to free() with.
void phynexus_fake_enqueue(void* stream, void (*work)(void* data), void* data);
}
#pragma GCC visibility pop
