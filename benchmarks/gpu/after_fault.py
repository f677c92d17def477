"""What a process can still do once a kernel beside ours has faulted on its device.

    python benchmarks/gpu/after_fault.py [--device cuda:0]

Kernels of ours do not fault to order (indices are clamped), so a tiny one that stores
to address 8 runs in the context that the engine shares with all libraries of the
process. It prints which of two is so: the next nx.init works, or says why not. The
status is 1 where it is neither: nothing was raised, or values are wrong.
"""

import argparse
import ctypes

import neurenix as nx
from neurenix.errors import BackendError

FAULTY = b"""
.version 7.0
.target sm_80
.address_size 64
.visible .entry fault() {
  .reg .b64 %rd<2>;
  .reg .b32 %r<2>;
  mov.u64 %rd1, 8;
  mov.u32 %r1, 0;
  st.global.u32 [%rd1], %r1;
  ret;
}
"""


def fault(index):
    """Breaks the context of the device, and says by which error of the driver."""
    driver = ctypes.CDLL("libcuda.so.1")
    if hasattr(driver, "phynexus_fake_fault"):  # of a rehearsal: our next kernel
        driver.phynexus_fake_fault(ctypes.c_int64(1), 700)
        return 700

    def call(name, *arguments):
        result = getattr(driver, name)(*arguments)
        if result:
            raise SystemExit(f"{name} failed: {result}")

    device, context = ctypes.c_int(), ctypes.c_void_p()
    module, function = ctypes.c_void_p(), ctypes.c_void_p()
    call("cuInit", 0)
    call("cuDeviceGet", ctypes.byref(device), index)
    call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
    call("cuCtxPushCurrent_v2", context)
    call("cuModuleLoadData", ctypes.byref(module), FAULTY)
    call("cuModuleGetFunction", ctypes.byref(function), module, b"fault")
    call("cuLaunchKernel", function, *[1] * 6, 0, None, None, None)
    result = driver.cuCtxSynchronize()
    call("cuCtxPopCurrent_v2", ctypes.byref(context))
    driver.cuDevicePrimaryCtxRelease_v2(device)  # which answers with the fault
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cuda:0")
    named = parser.parse_args().device
    device = nx.init({"device": named})
    kept = nx.arange(3.0)
    if (kept + 1).tolist() != [1, 2, 3]:
        print("wrong values before anything has happened")
        return 1
    error = fault(device.index)
    if not error:
        print("the faulty kernel did not fault")
        return 1
    try:
        (kept + 1).tolist()
    except BackendError as lost:
        print(lost)
    else:
        print(f"after error {error} of the driver our next step raised nothing")
        return 1
    try:
        nx.init({"device": named})
        found = (nx.arange(3.0) + 1).tolist()
    except BackendError as why:
        print(f"after error {error} the next nx.init says why not: {why}")
        return 0
    if found != [1, 2, 3]:
        print(f"after error {error} the next nx.init gives wrong values: {found}")
        return 1
    print(f"after error {error} the next nx.init works")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
