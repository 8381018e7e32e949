#include "text/decoder.h"

#include <algorithm>
#include <array>

#include "text/normalizer.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr int kMaxDepth = 16, kMaxStrip = 1 << 20;

/// Characters U+0000 to U+0143 to bytes, -1 where none: printable bytes stand for themselves, the
/// other 68 are U+0100 and following, in order.                                   [GPT-2
/// encoder.py]
std::array<int, 324> make_byte_table() {
  std::array<int, 324> table;
  table.fill(-1);
  int next = 256;
  for (int b = 0; b < 256; ++b) {
    const bool is_printable = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    table[is_printable ? b : next++] = b;
  }
  return table;
}

}  // namespace

bool byte_level_to_bytes(const std::string& text, std::string& bytes) {
  static const std::array<int, 324> kTable = make_byte_table();
  bytes.clear();
  for (size_t pos = 0; pos < text.size();) {
    const char32_t c = next_code_point(text, pos);
    if (c >= kTable.size() || kTable[c] < 0) return false;
    bytes += static_cast<char>(kTable[c]);
  }
  return true;
}

int byte_token_value(const std::string& token) {
  const auto digit = [](char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
  const int high = digit(token[3]), low = digit(token[4]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

Result<Decoder> Decoder::from_json(const JsonNode& node) {
  Decoder decoder;
  decoder.joins_with_space_ = node.is_null();
  if (!node.is_null()) R1_RETURN_IF_ERROR(decoder.add(node, 0));
  if (decoder.is_byte_level_ && (!decoder.steps_.empty() || decoder.has_byte_fallback_)) {
    return fail("{}: ByteLevel together with other decoders is not supported", node.place());
  }
  return decoder;
}

Result<void> Decoder::add(const JsonNode& node, int depth) {
  if (depth > kMaxDepth) return fail("{}: nested too deeply", node.place());
  R1_TRY(const std::string type, node.type());
  if (type == "Sequence") {
    R1_TRY(const auto members, node.items("decoders"));
    for (const JsonNode& member : members) R1_RETURN_IF_ERROR(add(member, depth + 1));
    return {};
  }
  if (type == "Strip") return add_strip(node);
  if (is_fused_) return fail("{}: decoder {} after Fuse is not supported", node.place(), type);
  if (type == "ByteLevel") {
    is_byte_level_ = true;
  } else if (type == "ByteFallback") {
    has_byte_fallback_ = true;
  } else if (type == "Fuse") {
    is_fused_ = true;
  } else if (type == "Replace") {
    R1_TRY(Regex pattern, pattern_from_json(node.at("pattern")));
    R1_TRY(std::string content, node.text("content"));
    steps_.push_back({StepKind::kReplace, std::move(pattern), std::move(content)});
  } else if (type == "Metaspace") {
    R1_TRY(const std::string mark, node.text_or("replacement", "▁"));
    R1_TRY(const bool add_prefix_space, node.flag("add_prefix_space", true));
    R1_TRY(const std::string scheme,
           node.text_or("prepend_scheme", add_prefix_space ? "always" : "never"));
    if (mark.empty()) return fail("{}.replacement: must not be empty", node.place());
    drops_first_spaces_ = scheme != "never";
    R1_TRY(Regex pattern, Regex::compile_literal(mark));
    steps_.push_back({StepKind::kReplace, std::move(pattern), " "});
  } else {
    return fail("{}: decoder {} is not supported", node.place(), type);
  }
  return {};
}

Result<void> Decoder::add_strip(const JsonNode& node) {
  R1_TRY(const std::string content, node.text("content"));
  R1_TRY(const int64_t start, node.integer("start", 0, kMaxStrip));
  R1_TRY(const int64_t stop, node.integer("stop", 0, kMaxStrip));
  if (count_code_points(content) != 1)
    return fail("{}.content: must be one character", node.place());
  if (!is_fused_) {
    steps_.push_back(
        {StepKind::kStrip, {}, content, static_cast<int>(start), static_cast<int>(stop)});
    return {};
  }
  if (stop > 0 || strip_count_ > 0) {
    return fail("{}: only one Strip at the start is supported after Fuse", node.place());
  }
  strip_character_ = content;
  strip_count_ = static_cast<int>(start);
  return {};
}

std::string Decoder::token_bytes(const std::string& token, bool is_added,
                                 RegexScratch& scratch) const {
  std::string bytes;
  if (is_byte_level_) return !is_added && byte_level_to_bytes(token, bytes) ? bytes : token;
  if (const int value = byte_token_value(token); has_byte_fallback_ && value >= 0) {
    return std::string(1, static_cast<char>(value));
  }
  bytes = token;
  for (const Step& step : steps_) {
    if (step.kind != StepKind::kStrip) {
      replace_all(bytes, step.pattern, step.content, scratch);
      continue;
    }
    for (int i = 0; i < step.start && bytes.starts_with(step.content); ++i) {
      bytes.erase(0, step.content.size());
    }
    for (int i = 0; i < step.stop && bytes.ends_with(step.content); ++i) {
      bytes.resize(bytes.size() - step.content.size());
    }
  }
  return bytes;
}

void Decoder::set_tokens(const std::vector<std::string>& tokens,
                         const std::vector<bool>& is_added) {
  RegexScratch scratch;
  offsets_.assign(1, 0);
  for (size_t id = 0; id < tokens.size(); ++id) {
    bytes_ += token_bytes(tokens[id], is_added[id], scratch);
    offsets_.push_back(bytes_.size());
  }
}

void Decoder::strip_start(size_t begin, State& state, std::string& bytes) const {
  size_t end = begin;
  while (state.n_stripped < strip_count_ &&
         bytes.compare(end, strip_character_.size(), strip_character_) == 0) {
    end += strip_character_.size();
    ++state.n_stripped;
  }
  bytes.erase(begin, end - begin);
  if (bytes.size() > begin || state.n_stripped == strip_count_) state.is_stripping = false;
}

void Decoder::append(int32_t id, State& state, std::string& bytes) const {
  if (id < 0 || static_cast<size_t>(id) + 1 >= offsets_.size()) return;
  const std::string_view token(bytes_.data() + offsets_[id], offsets_[id + 1] - offsets_[id]);
  if (token.empty()) return;  // an id without a token
  const size_t begin = bytes.size();
  if (joins_with_space_ && !state.is_first) bytes += ' ';
  bytes += token;
  if (state.is_first && drops_first_spaces_) {
    bytes.erase(std::remove(bytes.begin() + begin, bytes.end(), ' '), bytes.end());
  }
  if (state.is_stripping && strip_count_ > 0) strip_start(begin, state, bytes);
  state.is_first = false;
}

}  // namespace r1
