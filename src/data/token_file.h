// A tokenized corpus in one file that is mapped, not loaded: documents as ids, and how long their
// text was.
//
// All numbers little-endian. Everything follows from the two ends, so that it is written in one go:
//   magic "r1tokens" (8)   version u32 = 1   bytes of an id u32: 2 or 4   tokenizer (32)
//   ids of all documents (n_tokens × 2 or 4), then zeros to a multiple of 8
//   where each document begins among them u64 (n_documents + 1), the last is n_tokens
//   bytes of each document's text in UTF-8 u64 (n_documents)
//   n_tokens u64   n_documents u64   magic "snekot1r" (8)
// tokenizer: 32 hex digits that tell one tokenizer from another (tokenizer_fingerprint).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"

namespace r1 {

/// Views into the bytes of a token file whose lengths have been checked.
struct TokenLayout {
  int64_t n_tokens = 0, n_documents = 0;
  int64_t id_bytes = 0;
  std::string tokenizer;
  const std::byte *ids = nullptr, *begins = nullptr, *text_bytes = nullptr;
};
Result<TokenLayout> parse_token_file(std::span<const std::byte> file);

/// Any thread may read.
class TokenFile {
 public:
  static Result<TokenFile> open(const Path& file);
  /// The same bytes in memory; name stands for the file in errors.
  static Result<TokenFile> from_bytes(std::vector<std::byte> bytes, const std::string& name);
  /// Whether the file begins with the magic.
  static bool is_one(const Path& file);

  int64_t n_documents() const { return layout_.n_documents; }
  int64_t n_tokens() const { return layout_.n_tokens; }
  const std::string& tokenizer() const { return layout_.tokenizer; }
  int64_t length(int64_t document) const;      // tokens
  int64_t text_bytes(int64_t document) const;  // of the text in UTF-8
  /// An id of vocab_size or more is an error.
  Result<std::vector<int32_t>> document(int64_t document, int64_t vocab_size) const;

 private:
  static Result<TokenFile> parsed(TokenFile file, std::span<const std::byte> bytes);
  int64_t begin(int64_t document) const;

  MappedFile mapped_;
  std::vector<std::byte> bytes_;
  TokenLayout layout_;
  std::string name_;
};

/// Writes one, document by document, from front to back.
class TokenWriter {
 public:
  using Sink = std::function<Result<void>(std::span<const std::byte>)>;

  /// Ids take two bytes where the vocabulary allows it.
  static Result<TokenWriter> begin(Sink sink, const std::string& tokenizer, int64_t vocab_size);

  Result<void> add(std::span<const int32_t> ids, int64_t text_bytes);
  Result<void> finish();

  int64_t n_tokens() const { return static_cast<int64_t>(begins_.back()); }
  int64_t n_documents() const { return static_cast<int64_t>(text_bytes_.size()); }

 private:
  TokenWriter(Sink sink, int64_t id_bytes) : sink_(std::move(sink)), id_bytes_(id_bytes) {}

  Sink sink_;
  int64_t id_bytes_;
  std::vector<uint64_t> begins_{0}, text_bytes_;
};

}  // namespace r1
