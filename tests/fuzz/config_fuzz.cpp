// Fuzzes config.json of every model family.
#include <cstdint>
#include <string>

#include "models/family.h"

using namespace r1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto config = read_model_config(std::string(reinterpret_cast<const char*>(data), size));
  (void)config;
  return 0;
}
