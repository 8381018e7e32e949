// Fuzzes GGUF files: metadata and the list of tensors.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "checkpoint/gguf.h"

using namespace r1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> file(size);  // exactly as long: the sanitizer sees every step beyond
  if (size > 0) std::memcpy(file.data(), data, size);
  const auto contents = parse_gguf(file);
  if (!contents) return 0;
  uint8_t sum = 0;  // every byte that a tensor claims is there
  for (const StoredTensor& tensor : contents->tensors) {
    for (const std::byte b : tensor.bytes) sum ^= static_cast<uint8_t>(b);
  }
  static volatile uint8_t sink;
  sink = sum;
  return 0;
}
