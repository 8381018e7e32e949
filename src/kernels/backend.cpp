#include "kernels/backend.h"

#include <cstdlib>

namespace r1 {

const char* backend_name(Backend backend) {
  switch (backend) {
    case Backend::kPlan:
      return "plan";
    case Backend::kReference:
      return "reference";
    case Backend::kGeneric:
      return "generic";
    case Backend::kAvx2:
      return "avx2";
    case Backend::kAvx512:
      return "avx512";
  }
  return "?";
}

std::vector<Backend> available_backends() {
  std::vector<Backend> backends{Backend::kReference, Backend::kGeneric};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("f16c")) {
    backends.push_back(Backend::kAvx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq")) {
      backends.push_back(Backend::kAvx512);
    }
  }
#endif
  return backends;
}

Result<Backend> parse_backend(const std::string& name) {
  std::string known;
  for (Backend backend : available_backends()) {
    if (name == backend_name(backend)) return backend;
    known += std::string(known.empty() ? "" : ", ") + backend_name(backend);
  }
  return fail("backend '{}' is not available here; this machine has: {}", name, known);
}

Result<Backend> default_backend() {
  if (const char* name = std::getenv("R1_BACKEND"); name && *name) {
    auto backend = parse_backend(name);
    if (!backend) return fail_with(backend.error().with("R1_BACKEND"));
    return *backend;
  }
  return available_backends().back();
}

}  // namespace r1
