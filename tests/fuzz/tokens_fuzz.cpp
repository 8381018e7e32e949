// Fuzzes token files: whatever is accepted can be read to its end.
#include <cstdint>
#include <cstring>
#include <vector>

#include "data/token_file.h"

using namespace r1;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::byte> bytes(size);  // exactly as long: the sanitizer sees every step beyond
  if (size > 0) std::memcpy(bytes.data(), data, size);
  const auto file = TokenFile::from_bytes(std::move(bytes), "fuzz");
  if (!file) return 0;
  int64_t sum = 0;
  for (int64_t i = 0; i < file->n_documents(); ++i) {
    const auto ids = file->document(i, 1000);
    sum += file->text_bytes(i) & 1;
    if (ids) sum += std::ssize(*ids);
  }
  static volatile int64_t sink;
  sink = sum;
  return 0;
}
