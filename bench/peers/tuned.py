"""What PyTorch's libraries read when they load, set so that they are as fast as they can be here."""
import os
import shutil
import subprocess
import sys
import tempfile


def cpu_info(key):
    try:
        with open("/proc/cpuinfo") as file:
            lines = [line for line in file if line.startswith(key)]
            return lines[0].split(":", 1)[1].strip() if lines else ""
    except OSError:
        return ""


def tuned_environment():
    # Large buffers come back from the heap instead of from fresh pages: a tenth of a training step.
    env = {"MALLOC_MMAP_THRESHOLD_": "4294967295", "MALLOC_TRIM_THRESHOLD_": "4294967295",
           "MALLOC_TOP_PAD_": "67108864"}
    flags, amd = cpu_info("flags").split(), cpu_info("vendor_id") == "AuthenticAMD"
    if "avx512f" in flags:
        env["ATEN_CPU_CAPABILITY"] = "avx512"
        intel = "COOPERLAKE" if "avx512_bf16" in flags else "SKYLAKEX"
        env["OPENBLAS_CORETYPE"] = "HASWELL" if amd else intel
    # MKL keeps its AVX-512 kernels for processors that it takes for Intel's.
    if amd and shutil.which("cc"):
        folder = tempfile.mkdtemp(prefix="peer_mkl_")
        source, library = os.path.join(folder, "vendor.c"), os.path.join(folder, "vendor.so")
        with open(source, "w") as file:
            file.write("int mkl_serv_intel_cpu_true(void) { return 1; }\n")
        if subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source]).returncode == 0:
            env.update(LD_PRELOAD=library, PEER_FOLDER=folder)
    return env


def start_tuned():
    """Starts this script again with the libraries tuned, unless --as_installed asks for none of it.
    What the caller set stays. To be called before torch is imported."""
    if "--as_installed" not in sys.argv and "PEER_TUNED" not in os.environ:
        os.execve(sys.executable, [sys.executable] + sys.argv,
                  {**tuned_environment(), **os.environ, "PEER_TUNED": "1"})
    if "PEER_FOLDER" in os.environ:
        shutil.rmtree(os.environ.pop("PEER_FOLDER"), ignore_errors=True)  # the loader has mapped it
        os.environ.pop("LD_PRELOAD", None)  # torch.compile starts compilers
