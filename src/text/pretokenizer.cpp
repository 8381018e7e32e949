#include "text/pretokenizer.h"

#include <map>

#include "text/normalizer.h"
#include "text/unicode.h"

namespace r1 {
namespace {

constexpr int kMaxDepth = 16;
constexpr const char* kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

bool is_other(char32_t c) { return !is_word(c) && !is_space(c); }

}  // namespace

Result<PreTokenizer> PreTokenizer::from_json(const JsonNode& node) {
  PreTokenizer made;
  if (!node.is_null()) R1_RETURN_IF_ERROR(made.add(node, 0));
  return made;
}

Result<void> PreTokenizer::add(const JsonNode& node, int depth) {
  if (depth > kMaxDepth) return fail("{}: nested too deeply", node.place());
  R1_TRY(const std::string type, node.type());
  if (is_byte_level_) return fail("{}: {} after ByteLevel is not supported", node.place(), type);
  if (type == "Sequence") {
    R1_TRY(const auto members, node.items("pretokenizers"));
    for (const JsonNode& member : members) R1_RETURN_IF_ERROR(add(member, depth + 1));
  } else if (type == "Split") {
    return add_split(node);
  } else if (type == "ByteLevel") {
    return add_byte_level(node);
  } else if (type == "Metaspace") {
    return add_metaspace(node);
  } else if (type == "WhitespaceSplit") {
    steps_.emplace_back(Split{is_space, Behavior::kRemoved});
  } else if (type == "Whitespace") {  // \w+|[^\w\s]+
    steps_.emplace_back(Split{is_space, Behavior::kRemoved});
    steps_.emplace_back(Split{is_other, Behavior::kIsolated, false, false});
  } else if (type == "Digits") {
    R1_TRY(const bool individual, node.flag("individual_digits", false));
    steps_.emplace_back(Split{is_number, Behavior::kIsolated, false, individual});
  } else if (type == "Punctuation") {
    R1_TRY(const Behavior behavior, behavior_from_json(node, "Isolated"));
    steps_.emplace_back(Split{is_punctuation, behavior});
  } else {
    return fail("{}: pre-tokenizer {} is not supported", node.place(), type);
  }
  return {};
}

Result<PreTokenizer::Behavior> PreTokenizer::behavior_from_json(const JsonNode& node,
                                                                const std::string& otherwise) {
  static const std::map<std::string, Behavior> kBehaviors = {
      {"Isolated", Behavior::kIsolated},
      {"Removed", Behavior::kRemoved},
      {"MergedWithPrevious", Behavior::kMergedWithPrevious},
      {"MergedWithNext", Behavior::kMergedWithNext},
      {"Contiguous", Behavior::kContiguous}};
  R1_TRY(const std::string name, node.text_or("behavior", otherwise));
  const auto found = kBehaviors.find(name);
  if (found == kBehaviors.end()) {
    return fail("{}: behavior {} is not supported", node.place(), name);
  }
  return found->second;
}

Result<void> PreTokenizer::add_split(const JsonNode& node) {
  R1_TRY(Regex pattern, pattern_from_json(node.at("pattern")));
  R1_TRY(const Behavior behavior, behavior_from_json(node, ""));
  R1_TRY(const bool invert, node.flag("invert", false));
  steps_.emplace_back(Split{std::move(pattern), behavior, invert});
  return {};
}

Result<void> PreTokenizer::add_byte_level(const JsonNode& node) {
  R1_TRY(const bool add_prefix_space, node.flag("add_prefix_space", true));
  R1_TRY(const bool use_regex, node.flag("use_regex", true));
  if (add_prefix_space) steps_.emplace_back(PrefixSpace{});
  if (use_regex) {
    R1_TRY(Regex pattern, Regex::compile(kGpt2Pattern));
    steps_.emplace_back(Split{std::move(pattern)});
  }
  is_byte_level_ = true;
  return {};
}

Result<void> PreTokenizer::add_metaspace(const JsonNode& node) {
  Metaspace step;
  R1_TRY(step.replacement, node.text_or("replacement", "▁"));
  R1_TRY(const bool add_prefix_space, node.flag("add_prefix_space", true));
  R1_TRY(const std::string scheme,
         node.text_or("prepend_scheme", add_prefix_space ? "always" : "never"));
  R1_TRY(const bool split, node.flag("split", true));
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    return fail("{}: prepend_scheme {} is not supported", node.place(), scheme);
  }
  step.prepend = scheme == "always"  ? Metaspace::Prepend::kAlways
                 : scheme == "first" ? Metaspace::Prepend::kFirst
                                     : Metaspace::Prepend::kNever;
  R1_TRY(Regex mark, Regex::compile_literal(step.replacement));
  steps_.emplace_back(std::move(step));
  if (split) steps_.emplace_back(Split{std::move(mark), Behavior::kMergedWithNext});
  return {};
}

bool PreTokenizer::find(const Split& split, std::string_view piece, size_t from, TextSpan& match,
                        RegexScratch& regex) {
  if (const auto* expression = std::get_if<Regex>(&split.pattern)) {
    return expression->next(piece, from, match, regex);
  }
  const auto is_in_class = std::get<bool (*)(char32_t)>(split.pattern);
  for (size_t pos = from; pos < piece.size();) {
    match.begin = pos;
    if (!is_in_class(next_code_point(piece, pos))) continue;
    for (match.end = pos; !split.each_character && pos < piece.size(); match.end = pos) {
      if (!is_in_class(next_code_point(piece, pos))) break;
    }
    return true;
  }
  return false;
}

/// The pieces that a pattern makes of one piece; what merges with what is Hugging Face's.
void PreTokenizer::cut(const Split& split, std::string_view text, TextSpan piece,
                       std::vector<TextSpan>& out, RegexScratch& regex) {
  const std::string_view inside = text.substr(piece.begin, piece.end - piece.begin);
  const size_t first = out.size();
  bool was_match = false;
  const auto emit = [&](size_t begin, size_t end, bool is_match) {
    if (begin == end) return;
    is_match ^= split.invert;
    const TextSpan span{piece.begin + begin, piece.begin + end};
    const bool is_first = out.size() == first;
    const bool joins =
        !is_first && ((split.behavior == Behavior::kContiguous && is_match == was_match) ||
                      (split.behavior == Behavior::kMergedWithPrevious && is_match && !was_match) ||
                      (split.behavior == Behavior::kMergedWithNext && !is_match && was_match));
    if (joins) {
      out.back().end = span.end;
    } else if (!(split.behavior == Behavior::kRemoved && is_match)) {
      out.push_back(span);
    }
    was_match = is_match;
  };
  size_t pos = 0;
  for (TextSpan match; find(split, inside, pos, match, regex); pos = match.end) {
    emit(pos, match.begin, false);
    emit(match.begin, match.end, true);
  }
  emit(pos, inside.size(), false);
}

void PreTokenizer::rewrite(const Step& step, bool is_start, PieceScratch& scratch) {
  const auto* meta = std::get_if<Metaspace>(&step);
  scratch.next_text.clear();
  scratch.next_pieces.clear();
  for (const TextSpan piece : scratch.pieces) {
    const std::string_view inside =
        std::string_view(scratch.text).substr(piece.begin, piece.end - piece.begin);
    const size_t begin = scratch.next_text.size();
    if (!meta) {
      if (!inside.starts_with(' ')) scratch.next_text += ' ';
      scratch.next_text += inside;
    } else {
      const bool wants =
          meta->prepend == Metaspace::Prepend::kAlways ||
          (meta->prepend == Metaspace::Prepend::kFirst && is_start && piece.begin == 0);
      const bool has = inside.starts_with(' ') || inside.starts_with(meta->replacement);
      if (wants && !has) scratch.next_text += meta->replacement;
      for (char c : inside) {
        if (c == ' ') {
          scratch.next_text += meta->replacement;
        } else {
          scratch.next_text += c;
        }
      }
    }
    scratch.next_pieces.push_back({begin, scratch.next_text.size()});
  }
  scratch.text.swap(scratch.next_text);
  scratch.pieces.swap(scratch.next_pieces);
}

void PreTokenizer::apply(bool is_start, PieceScratch& scratch, RegexScratch& regex) const {
  scratch.pieces.clear();
  if (!scratch.text.empty()) scratch.pieces.push_back({0, scratch.text.size()});
  for (const Step& step : steps_) {
    const auto* split = std::get_if<Split>(&step);
    if (!split) {
      rewrite(step, is_start, scratch);
      continue;
    }
    scratch.next_pieces.clear();
    for (const TextSpan piece : scratch.pieces) {
      cut(*split, scratch.text, piece, scratch.next_pieces, regex);
    }
    scratch.pieces.swap(scratch.next_pieces);
  }
}

}  // namespace r1
