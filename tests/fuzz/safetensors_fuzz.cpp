// Fuzzes the header of safetensors files.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "checkpoint/safetensors.h"

using namespace r1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> file(size);  // exactly as long: the sanitizer sees every step beyond
  if (size > 0) std::memcpy(file.data(), data, size);
  const auto tensors = parse_safetensors(file);
  if (!tensors) return 0;
  uint8_t sum = 0;  // every byte that a tensor claims is there
  for (const StoredTensor& tensor : *tensors) {
    for (const std::byte b : tensor.bytes) sum ^= static_cast<uint8_t>(b);
  }
  static volatile uint8_t sink;
  sink = sum;
  return 0;
}
