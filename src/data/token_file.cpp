#include "data/token_file.h"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace r1 {
namespace {

constexpr std::string_view kMagic = "r1tokens", kEndMagic = "snekot1r";
constexpr uint64_t kHeader = 48, kFooter = 24;
constexpr uint32_t kVersion = 1;
constexpr size_t kHash = 32;

template <class T>
T number_at(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

template <class T>
void append(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string_view text_at(const std::byte* bytes, size_t n) {
  return {reinterpret_cast<const char*>(bytes), n};
}

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
  return std::as_bytes(std::span(values));
}

Result<void> check_begins(const TokenLayout& layout) {
  uint64_t last = 0;
  for (int64_t i = 0; i <= layout.n_documents; ++i) {
    const auto begin = number_at<uint64_t>(layout.begins + 8 * i);
    const bool is_last = i == layout.n_documents;
    if (begin < last || (i == 0 && begin != 0) ||
        (is_last && begin != static_cast<uint64_t>(layout.n_tokens))) {
      return fail("document {} begins at token {}, after {} of {}", i, begin, last,
                  layout.n_tokens);
    }
    last = begin;
  }
  return {};
}

}  // namespace

Result<TokenLayout> parse_token_file(std::span<const std::byte> file) {
  const uint64_t size = file.size();
  if (size < kHeader + kFooter)
    return fail("{} bytes are too few for a token file; make it anew with r1 data tokenize", size);
  const std::byte* const end = file.data() + size;
  if (text_at(file.data(), 8) != kMagic)
    return fail("not a token file; r1 data tokenize makes one of text or JSONL");
  if (text_at(end - 8, 8) != kEndMagic)
    return fail("the file does not end as a token file does; it was cut, make it anew");
  const auto version = number_at<uint32_t>(file.data() + 8);
  if (version != kVersion) return fail("version {} is not known; this program reads 1", version);
  TokenLayout layout;
  layout.id_bytes = number_at<uint32_t>(file.data() + 12);
  if (layout.id_bytes != 2 && layout.id_bytes != 4)
    return fail("ids of {} bytes; they have 2 or 4", layout.id_bytes);
  layout.tokenizer = text_at(file.data() + 16, kHash);
  const auto n_tokens = number_at<uint64_t>(end - 24);
  const auto n_documents = number_at<uint64_t>(end - 16);
  if (n_tokens > size || n_documents > size)  // the sums below cannot overflow
    return fail("{} tokens of {} documents do not fit into {} bytes", n_tokens, n_documents, size);
  const uint64_t id_bytes = (n_tokens * static_cast<uint64_t>(layout.id_bytes) + 7) / 8 * 8;
  const uint64_t expected = kHeader + id_bytes + 8 * (2 * n_documents + 1) + kFooter;
  if (expected != size) {
    return fail("{} tokens of {} documents take {} bytes, the file has {}; make it anew", n_tokens,
                n_documents, expected, size);
  }
  layout.n_tokens = static_cast<int64_t>(n_tokens);
  layout.n_documents = static_cast<int64_t>(n_documents);
  layout.ids = file.data() + kHeader;
  layout.begins = layout.ids + id_bytes;
  layout.text_bytes = layout.begins + 8 * (n_documents + 1);
  R1_RETURN_IF_ERROR(check_begins(layout));
  return layout;
}

Result<TokenFile> TokenFile::parsed(TokenFile file, std::span<const std::byte> bytes) {
  auto layout = parse_token_file(bytes);
  if (!layout) return fail_with(layout.error().with(file.name_));
  file.layout_ = std::move(*layout);
  return file;
}

Result<TokenFile> TokenFile::open(const Path& path) {
  TokenFile file;
  file.name_ = path.string();
  R1_TRY(file.mapped_, MappedFile::open(path));
  const auto bytes = file.mapped_.bytes();
  return parsed(std::move(file), bytes);
}

Result<TokenFile> TokenFile::from_bytes(std::vector<std::byte> bytes, const std::string& name) {
  TokenFile file;
  file.name_ = name;
  file.bytes_ = std::move(bytes);
  const std::span<const std::byte> view = file.bytes_;
  return parsed(std::move(file), view);
}

bool TokenFile::is_one(const Path& path) {
  std::ifstream in(path, std::ios::binary);
  char magic[8] = {};
  return in.read(magic, 8) && std::string_view(magic, 8) == kMagic;
}

int64_t TokenFile::begin(int64_t document) const {
  CHECK(document >= 0 && document <= n_documents(), "document {} of {}", document, n_documents());
  return static_cast<int64_t>(number_at<uint64_t>(layout_.begins + 8 * document));
}

int64_t TokenFile::length(int64_t document) const { return begin(document + 1) - begin(document); }

int64_t TokenFile::text_bytes(int64_t document) const {
  CHECK(document >= 0 && document < n_documents(), "document {} of {}", document, n_documents());
  return static_cast<int64_t>(number_at<uint64_t>(layout_.text_bytes + 8 * document));
}

Result<std::vector<int32_t>> TokenFile::document(int64_t document, int64_t vocab_size) const {
  const int64_t first = begin(document), n = length(document);
  std::vector<int32_t> ids(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    const std::byte* at = layout_.ids + (first + i) * layout_.id_bytes;
    const uint32_t id = layout_.id_bytes == 2 ? number_at<uint16_t>(at) : number_at<uint32_t>(at);
    if (static_cast<int64_t>(id) >= vocab_size) {
      return fail("{}: document {} has the id {}, and the model's vocabulary ends at {}", name_,
                  document, id, vocab_size);
    }
    ids[static_cast<size_t>(i)] = static_cast<int32_t>(id);
  }
  return ids;
}

Result<TokenWriter> TokenWriter::begin(Sink sink, const std::string& tokenizer,
                                       int64_t vocab_size) {
  CHECK(tokenizer.size() == kHash, "fingerprint '{}'", tokenizer);
  TokenWriter writer(std::move(sink), vocab_size <= 65536 ? 2 : 4);
  std::string header(kMagic);
  append(header, kVersion);
  append(header, static_cast<uint32_t>(writer.id_bytes_));
  header += tokenizer;
  R1_RETURN_IF_ERROR(writer.sink_(std::as_bytes(std::span(header))));
  return writer;
}

Result<void> TokenWriter::add(std::span<const int32_t> ids, int64_t text_bytes) {
  if (id_bytes_ == 4) {
    R1_RETURN_IF_ERROR(sink_(std::as_bytes(ids)));
  } else {
    std::vector<uint16_t> narrow;
    narrow.reserve(ids.size());
    for (const int32_t id : ids) {
      CHECK(id >= 0 && id < 65536, "id {} in two bytes", id);
      narrow.push_back(static_cast<uint16_t>(id));
    }
    R1_RETURN_IF_ERROR(sink_(bytes_of(narrow)));
  }
  begins_.push_back(begins_.back() + ids.size());
  text_bytes_.push_back(static_cast<uint64_t>(text_bytes));
  return {};
}

Result<void> TokenWriter::finish() {
  const uint64_t n = begins_.back() * static_cast<uint64_t>(id_bytes_);
  const std::string padding((8 - n % 8) % 8, '\0');
  R1_RETURN_IF_ERROR(sink_(std::as_bytes(std::span(padding))));
  R1_RETURN_IF_ERROR(sink_(bytes_of(begins_)));
  R1_RETURN_IF_ERROR(sink_(bytes_of(text_bytes_)));
  std::string footer;
  append(footer, begins_.back());
  append(footer, static_cast<uint64_t>(text_bytes_.size()));
  footer += kEndMagic;
  return sink_(std::as_bytes(std::span(footer)));
}

}  // namespace r1
