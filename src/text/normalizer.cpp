#include "text/normalizer.h"

#include <algorithm>
#include <map>

namespace r1 {
namespace {

constexpr int kMaxDepth = 16;

void strip(std::string& text, bool left, bool right) {
  size_t begin = 0, end = text.size();
  for (size_t pos = 0; left && begin < end; begin = pos) {
    if (!is_space(next_code_point(text, pos))) break;
  }
  for (size_t pos = end; right && end > begin; end = pos) {
    if (!is_space(previous_code_point(text, pos))) break;
  }
  text = text.substr(begin, end - begin);
}

}  // namespace

Result<Regex> pattern_from_json(const JsonNode& node) {
  if (node.has("String")) {
    R1_TRY(const std::string text, node.text("String"));
    return Regex::compile_literal(text);
  }
  R1_TRY(const std::string expression, node.text("Regex"));
  auto regex = Regex::compile(expression);
  if (!regex) return fail_with(regex.error().with(node.place()));
  return regex;
}

void replace_all(std::string& text, const Regex& pattern, const std::string& content,
                 RegexScratch& scratch) {
  std::string out;
  size_t copied = 0;
  for (TextSpan match; pattern.next(text, copied, match, scratch); copied = match.end) {
    out.append(text, copied, match.begin - copied).append(content);
  }
  if (copied == 0) return;
  out.append(text, copied);
  text = std::move(out);
}

Result<Normalizer> Normalizer::from_json(const JsonNode& node) {
  Normalizer normalizer;
  if (!node.is_null()) R1_RETURN_IF_ERROR(normalizer.add(node, 0));
  return normalizer;
}

Result<void> Normalizer::add(const JsonNode& node, int depth) {
  static const std::map<std::string, NormalForm> kForms = {{"NFC", NormalForm::kNfc},
                                                           {"NFD", NormalForm::kNfd},
                                                           {"NFKC", NormalForm::kNfkc},
                                                           {"NFKD", NormalForm::kNfkd}};
  if (depth > kMaxDepth) return fail("{}: nested too deeply", node.place());
  R1_TRY(const std::string type, node.type());
  if (const auto form = kForms.find(type); form != kForms.end()) {
    steps_.emplace_back(form->second);
  } else if (type == "Sequence") {
    R1_TRY(const auto members, node.items("normalizers"));
    for (const JsonNode& member : members) R1_RETURN_IF_ERROR(add(member, depth + 1));
  } else if (type == "Prepend") {
    R1_TRY(std::string text, node.text("prepend"));
    steps_.emplace_back(Prepend{std::move(text)});
  } else if (type == "Lowercase") {
    steps_.emplace_back(Lowercase{});
  } else if (type == "Replace") {
    R1_TRY(Regex pattern, pattern_from_json(node.at("pattern")));
    R1_TRY(std::string content, node.text("content"));
    steps_.emplace_back(Replace{std::move(pattern), std::move(content)});
  } else if (type == "Strip") {
    R1_TRY(const bool left, node.flag("strip_left", true));
    R1_TRY(const bool right, node.flag("strip_right", true));
    steps_.emplace_back(Strip{left, right});
  } else {
    return fail("{}: normalizer {} is not supported", node.place(), type);
  }
  return {};
}

bool Normalizer::is_local() const {
  return std::all_of(steps_.begin(), steps_.end(), [](const Step& step) {
    return std::holds_alternative<NormalForm>(step) || std::holds_alternative<Lowercase>(step);
  });
}

void Normalizer::apply(std::string& text, RegexScratch& scratch) const {
  for (const Step& step : steps_) apply_step(step, text, scratch);
}

void Normalizer::apply_step(const Step& step, std::string& text, RegexScratch& scratch) {
  if (const auto* form = std::get_if<NormalForm>(&step)) {
    to_normal_form(text, *form);
  } else if (const auto* prepend = std::get_if<Prepend>(&step)) {
    if (!text.empty()) text.insert(0, prepend->text);
  } else if (std::holds_alternative<Lowercase>(step)) {
    text = to_lower(text);
  } else if (const auto* replace = std::get_if<Replace>(&step)) {
    replace_all(text, replace->pattern, replace->content, scratch);
  } else if (const auto* edges = std::get_if<Strip>(&step)) {
    strip(text, edges->left, edges->right);
  }
}

}  // namespace r1
