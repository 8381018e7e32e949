// What the checkpoint tests share: a folder that removes itself, tensors with memory, files made by
// hand.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/stored.h"

namespace r1 {

/// A fresh folder, removed with all it holds; in memory where there is such a disk, for every save
/// waits for the disk.
struct TestFolder {
  std::filesystem::path path;
  TestFolder() {
    const std::filesystem::path memory = "/dev/shm";
    const bool in_memory = ::access(memory.c_str(), W_OK) == 0;
    const auto parent = in_memory ? memory : std::filesystem::temp_directory_path();
    std::string pattern = (parent / "r1-checkpoint-XXXXXX").string();
    path = ::mkdtemp(pattern.data());
  }
  TestFolder(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

/// A tensor and the memory it views. Element i holds i + first.
struct OwnedTensor {
  std::vector<std::byte> memory;
  Tensor tensor;
  OwnedTensor(Dtype dtype, std::initializer_list<int64_t> shape, float first = 0) {
    tensor = Tensor(nullptr, dtype, shape);
    memory.resize(tensor.nbytes() + 1);
    tensor.data = memory.data();
    for (int64_t i = 0; i < tensor.numel(); ++i) {
      const float value = first + static_cast<float>(i);
      if (dtype == Dtype::kF32) tensor.f32()[i] = value;
      if (dtype == Dtype::kI32) tensor.i32()[i] = static_cast<int32_t>(value);
      if (dtype == Dtype::kBF16) tensor.u16()[i] = f32_to_bf16(value);
      if (dtype == Dtype::kF16) tensor.u16()[i] = f32_to_f16(value);
    }
  }
  std::vector<std::byte> bytes() const {
    return {memory.begin(), memory.begin() + tensor.nbytes()};
  }
};

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

/// A safetensors file as text: length, header, n_data bytes that count up.
inline std::string safetensors_bytes(const std::string& header, size_t n_data) {
  std::string file;
  for (int i = 0; i < 8; ++i) file += static_cast<char>(header.size() >> (8 * i));
  file += header;
  for (size_t i = 0; i < n_data; ++i) file += static_cast<char>(i);
  return file;
}

inline std::vector<std::string> files_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    names.push_back(file.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// ASSERT_TRUE(ok(save(5))): a failure shows its message.
template <class T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result.has_value()) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message;
}

/// The result failed, and its message says each of the parts.
template <class T>
void expect_error(const Result<T>& result, std::initializer_list<const char*> parts) {
  ASSERT_FALSE(result.has_value());
  for (const char* part : parts) {
    EXPECT_TRUE(contains(result.error().message, part))
        << part << " is not in: " << result.error().message;
  }
}

}  // namespace r1
