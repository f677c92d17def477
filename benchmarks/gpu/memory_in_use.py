"""How much memory is in use: by our count, by the driver's, and by the kernel's."""

import ctypes
import os

import neurenix as nx

# By how many bytes each may differ between two looks at it. The driver counts in pieces
# of megabytes, and other processes on the card too; the host's allocator keeps some.
ALLOWED = {"tensors": 0, "card": 32 << 20, "host": 8 << 20}


def memory_in_use():
    """Bytes by name: "tensors", what the engine has on the device; "card", what the
    driver does not call free, where it is one that can be asked; "host", what this
    process has in the host's memory."""
    device = nx.current_device()
    found = {"tensors": sum(nx.memory_stats().values())}
    ask = {"cuda": of_cuda, "rocm": of_rocm}.get(device.type)
    if ask is not None:
        found["card"] = ask(device.index)
    with open("/proc/self/statm") as file:
        found["host"] = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return found


def of_cuda(index):
    """By cuMemGetInfo, in the primary context, which is the engine's."""
    driver = ctypes.CDLL("libcuda.so.1")
    device, context = ctypes.c_int(), ctypes.c_void_p()
    call(driver.cuInit, 0)
    call(driver.cuDeviceGet, ctypes.byref(device), index)
    call(driver.cuDevicePrimaryCtxRetain, ctypes.byref(context), device)
    call(driver.cuCtxPushCurrent_v2, context)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    call(driver.cuMemGetInfo_v2, ctypes.byref(free), ctypes.byref(total))
    call(driver.cuCtxPopCurrent_v2, ctypes.byref(context))
    call(driver.cuDevicePrimaryCtxRelease_v2, device)
    return total.value - free.value


def of_rocm(index):
    with open("/proc/self/maps") as file:  # whichever release the engine has opened
        opened = {line.split()[-1] for line in file if "libamdhip64.so" in line}
    runtime = ctypes.CDLL(opened.pop() if opened else "libamdhip64.so.6")
    call(runtime.hipSetDevice, index)
    free, total = ctypes.c_size_t(), ctypes.c_size_t()
    call(runtime.hipMemGetInfo, ctypes.byref(free), ctypes.byref(total))
    return total.value - free.value


def call(function, *arguments):
    status = function(*arguments)
    if status:
        raise SystemExit(f"{function.__name__} gave error {status}")
