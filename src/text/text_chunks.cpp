#include "text/text_chunks.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace r1 {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

struct Close {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

class Input {
 public:
  static Result<Input> open(const std::string& name) {
    Input input;
    input.name_ = name;
    input.file_.reset(name == "-" ? stdin : std::fopen(name.c_str(), "rb"));
    if (!input.file_) return fail("{}: {}", name, std::strerror(errno));
    return input;
  }

  /// Appends up to a chunk; false at the end.
  Result<bool> read(std::string& text) {
    const size_t before = text.size();
    text.resize(before + kChunkBytes);
    const size_t n = std::fread(text.data() + before, 1, kChunkBytes, file_.get());
    text.resize(before + n);
    if (n < kChunkBytes && std::ferror(file_.get())) {
      return fail("{}: {}", name_, std::strerror(errno));
    }
    return n > 0;
  }

 private:
  std::string name_;
  std::unique_ptr<std::FILE, Close> file_;
};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The last place behind `from` where a chunk may end, or 0.
size_t last_cut(std::string_view text, size_t from) {
  for (size_t at = text.size(); at > from + 2; --at) {
    if (text[at - 2] == ' ' && is_letter(text[at - 1]) && is_letter(text[at - 3])) return at - 2;
  }
  return 0;
}

}  // namespace

Result<std::string> read_all(const std::string& file) {
  R1_TRY(Input input, Input::open(file));
  std::string text;
  while (true) {
    R1_TRY(const bool has_more, input.read(text));
    if (!has_more) return text;
  }
}

Result<void> for_each_line(const std::string& file,
                           const std::function<Result<void>(std::string_view line)>& use) {
  R1_TRY(Input input, Input::open(file));
  std::string text;
  bool has_more = true;
  while (has_more) {
    const size_t searched = text.size();
    R1_TRY(has_more, input.read(text));
    size_t done = 0;
    for (size_t end; (end = text.find('\n', std::max(done, searched))) != text.npos;) {
      R1_RETURN_IF_ERROR(use(std::string_view(text).substr(done, end + 1 - done)));
      done = end + 1;
    }
    text.erase(0, done);
  }
  return text.empty() ? Result<void>() : use(text);
}

Result<void> for_each_chunk(
    const std::string& file,
    const std::function<Result<void>(std::string_view text, bool is_last)>& use) {
  R1_TRY(Input input, Input::open(file));
  std::string text;
  while (true) {
    const size_t searched = text.size();
    R1_TRY(const bool has_more, input.read(text));
    if (!has_more) return use(text, true);
    const size_t cut = last_cut(text, searched > 2 ? searched - 2 : 0);
    if (cut == 0) continue;
    R1_RETURN_IF_ERROR(use(std::string_view(text).substr(0, cut), false));
    text.erase(0, cut);
  }
}

Result<void> encode_file(const Tokenizer& tokenizer, const std::string& file, EncodeOptions options,
                         const std::function<void(const std::vector<int32_t>&)>& use) {
  if (!tokenizer.is_byte_level()) {
    R1_TRY(const std::string text, read_all(file));
    use(tokenizer.encode(text, options));
    return {};
  }
  const auto [prefix, suffix] = tokenizer.affixes();
  if (options.add_special) use(prefix);
  R1_RETURN_IF_ERROR(for_each_chunk(file, [&](std::string_view text, bool) -> Result<void> {
    use(tokenizer.encode(text, {.add_special = false, .parse_special = options.parse_special}));
    return {};
  }));
  if (options.add_special) use(suffix);
  return {};
}

}  // namespace r1
