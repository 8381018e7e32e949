#include "text/jinja_builtins.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>
#include <limits>

#include "text/unicode.h"

namespace r1::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;

std::vector<std::string_view> characters(std::string_view text) {
  std::vector<std::string_view> parts;
  for (size_t pos = 0; pos < text.size();) {
    const size_t begin = pos;
    next_code_point(text, pos);
    parts.push_back(text.substr(begin, pos - begin));
  }
  return parts;
}

Value split_blank(std::string_view text) {
  List words;
  size_t begin = 0;
  for (size_t pos = 0; pos <= text.size();) {
    const size_t at = pos;
    const bool ends = at == text.size() || is_space(next_code_point(text, pos));
    if (ends && at > begin) words.emplace_back(std::string(text.substr(begin, at - begin)));
    if (at == text.size()) break;
    if (ends) begin = pos;
  }
  return words;
}

Value split(std::string_view text, const Arguments& arguments) {
  const Value* separator = arguments.find(0, "sep");
  const Value* limit = arguments.find(1, "maxsplit");
  if (!separator || separator->is_none()) return split_blank(text);
  const std::string mark = arguments.text(0, "sep", "split");
  if (mark.empty()) throw TemplateError{0, "split: the separator is empty"};
  int64_t n_left = limit && limit->is_number() && limit->integer() >= 0
                       ? limit->integer()
                       : std::numeric_limits<int64_t>::max();
  List parts;
  for (size_t at; n_left > 0 && (at = text.find(mark)) != text.npos; --n_left) {
    parts.emplace_back(std::string(text.substr(0, at)));
    text.remove_prefix(at + mark.size());
  }
  parts.emplace_back(std::string(text));
  return parts;
}

Value split_lines(std::string_view text) {
  List lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.emplace_back(std::string(text.substr(0, end)));
    text.remove_prefix(end);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : text.empty() ? 0 : 1);
  }
  return lines;
}

bool has_affix(const std::string& text, const Arguments& arguments, const std::string& name) {
  const bool is_start = name == "startswith";
  const auto matches = [&](const Value& affix) {
    if (!affix.is_string()) throw TemplateError{0, name + " needs a string"};
    return is_start ? text.starts_with(affix.text()) : text.ends_with(affix.text());
  };
  const Value* affix = arguments.find(0, "prefix");
  if (affix && affix->is_list())
    return std::any_of(affix->list().begin(), affix->list().end(), matches);
  return matches(affix ? *affix : Value());
}

Value string_method(const std::string& text, const std::string& name, const Arguments& arguments,
                    Budget& budget) {
  budget.spend(static_cast<int64_t>(text.size()));
  if (name == "strip") return strip(text, arguments, true, true, budget);
  if (name == "lstrip") return strip(text, arguments, true, false, budget);
  if (name == "rstrip") return strip(text, arguments, false, true, budget);
  if (name == "split") return split(text, arguments);
  if (name == "splitlines") return split_lines(text);
  if (name == "startswith" || name == "endswith") return has_affix(text, arguments, name);
  if (name == "replace") return replace(text, arguments, budget);
  if (name == "upper") return to_upper(text);
  if (name == "lower") return to_lower(text);
  if (name == "title") return title_case(text, true);
  if (name == "capitalize") return title_case(text, false);
  if (name == "join") {
    const Value* list = arguments.find(0, "iterable");
    return apply_filter("join", list ? *list : Value(), Arguments{{Value(text)}, {}}, budget);
  }
  if (name == "find") {
    const size_t at = text.find(arguments.text(0, "sub", "find"));
    if (at == text.npos) return int64_t{-1};
    return static_cast<int64_t>(count_code_points(std::string_view(text).substr(0, at)));
  }
  throw TemplateError{0, fmt::format("a string has no method \"{}\" here", name)};
}

Value dict_method(const Value& self, const std::string& name, const Arguments& arguments,
                  Budget& budget) {
  if (name == "items") return apply_filter("items", self, {}, budget);
  if (name == "keys") return iterate(self, budget);
  if (name == "values") {
    List values;
    for (const auto& member : self.dict()) values.push_back(member.second);
    return values;
  }
  if (name == "get") {
    const Value* found = self.member(arguments.text(0, "key", "get"));
    const Value* otherwise = arguments.find(1, "default");
    return found ? *found : otherwise ? *otherwise : Value(None{});
  }
  throw TemplateError{0, fmt::format("a dict has no method \"{}\" here", name)};
}

Value range(const Arguments& arguments, Budget& budget) {
  int64_t bounds[3] = {0, 0, 1};
  const size_t n = arguments.positional.size();
  if (n < 1 || n > 3) throw TemplateError{0, "range takes one to three numbers"};
  for (size_t i = 0; i < n; ++i) {
    if (!arguments.positional[i].is_number()) throw TemplateError{0, "range takes whole numbers"};
    bounds[n == 1 ? 1 : i] = arguments.positional[i].integer();
  }
  if (bounds[2] == 0) throw TemplateError{0, "range: the step is 0"};
  List numbers;
  for (int64_t i = bounds[0]; bounds[2] > 0 ? i < bounds[1] : i > bounds[1];) {
    if (static_cast<int64_t>(numbers.size()) >= kMaxRange) {
      throw TemplateError{0, fmt::format("range is longer than {}", kMaxRange)};
    }
    numbers.emplace_back(i);
    if (__builtin_add_overflow(i, bounds[2], &i)) break;
  }
  budget.spend(static_cast<int64_t>(numbers.size()) * 16);
  return numbers;
}

/// Today in UTC; a caller that wants the same prompt every day sets the template's own date
/// variable.
Value strftime_now(const Arguments& arguments) {
  const std::string format = arguments.text(0, "format", "strftime_now");
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&now, &parts);
  char buffer[256];
  return std::string(buffer, std::strftime(buffer, sizeof buffer, format.c_str(), &parts));
}

}  // namespace

void Budget::step() {
  if (++n_steps_ > kMaxSteps) {
    throw TemplateError{0, fmt::format("the template takes more than {} steps", kMaxSteps)};
  }
}

void Budget::spend(int64_t n_bytes) {
  n_bytes_ += n_bytes;
  if (n_bytes_ > kMaxBytes) {
    throw TemplateError{0, fmt::format("the template handles more than {} bytes", kMaxBytes)};
  }
}

const Value* Arguments::find(size_t place, std::string_view name) const {
  if (place < positional.size()) return &positional[place];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string Arguments::text(size_t place, std::string_view name,
                            const std::string& function) const {
  const Value* value = find(place, name);
  if (!value || !value->is_string()) {
    throw TemplateError{0, fmt::format("{}: argument {} must be a string", function, place + 1)};
  }
  return value->text();
}

Value attribute(const Value& value, const std::string& name) {
  if (value.is_undefined()) {
    throw TemplateError{
        0, fmt::format("\"{}\" is undefined, so it has no \"{}\"", value.undefined_name(), name)};
  }
  const Value* found = value.member(name);
  return found ? *found : Value(Undefined{name});
}

List iterate(const Value& value, Budget& budget) {
  if (value.is_undefined()) return {};
  if (value.is_list()) {
    budget.spend(static_cast<int64_t>(value.list().size()) * 16);
    return value.list();
  }
  List items;
  if (value.is_string()) {
    budget.spend(static_cast<int64_t>(value.text().size()) * 16);
    for (const auto part : characters(value.text())) items.emplace_back(std::string(part));
  } else if (value.is_dict()) {
    budget.spend(value);
    for (const auto& member : value.dict()) items.emplace_back(member.first);
  } else {
    throw TemplateError{0, fmt::format("cannot loop over {}", value.type_name())};
  }
  return items;
}

bool contains(const Value& container, const Value& item, Budget& budget) {
  budget.spend(container);
  if (container.is_undefined()) return false;
  if (container.is_string()) {
    return item.is_string() && container.text().find(item.text()) != std::string::npos;
  }
  if (container.is_dict()) return item.is_string() && container.member(item.text());
  if (!container.is_list()) {
    throw TemplateError{0, fmt::format("\"in\" cannot look into {}", container.type_name())};
  }
  return std::any_of(container.list().begin(), container.list().end(),
                     [&](const Value& one) { return one.equals(item); });
}

std::string strip(std::string_view text, const Arguments& arguments, bool left, bool right,
                  Budget& budget) {
  const Value* wanted = arguments.find(0, "chars");
  const bool is_blank = !wanted || wanted->is_none();
  const std::string set = is_blank ? "" : arguments.text(0, "chars", "strip");
  budget.spend(static_cast<int64_t>(text.size()));
  const auto goes = [&](size_t from, size_t to, char32_t c) {
    return is_blank ? is_space(c) : set.find(text.substr(from, to - from)) != set.npos;
  };
  size_t begin = 0, end = text.size();
  for (size_t pos = 0; left && begin < end; begin = pos) {
    const char32_t c = next_code_point(text, pos);
    if (!goes(begin, pos, c)) break;
  }
  for (size_t pos = end; right && end > begin; end = pos) {
    const char32_t c = previous_code_point(text, pos);
    if (!goes(pos, end, c)) break;
  }
  return std::string(text.substr(begin, end - begin));
}

std::string replace(std::string_view text, const Arguments& arguments, Budget& budget) {
  const std::string from = arguments.text(0, "old", "replace"),
                    to = arguments.text(1, "new", "replace");
  const Value* count = arguments.find(2, "count");
  int64_t n_left = count && count->is_number() && count->integer() >= 0
                       ? count->integer()
                       : std::numeric_limits<int64_t>::max();
  if (from.empty()) throw TemplateError{0, "replace: the text to replace is empty"};
  std::string out;
  for (size_t at; n_left > 0 && (at = text.find(from)) != text.npos; --n_left) {
    budget.spend(static_cast<int64_t>(at + to.size() + 1));
    out.append(text.substr(0, at)).append(to);
    text.remove_prefix(at + from.size());
  }
  budget.spend(static_cast<int64_t>(text.size()));
  return out.append(text);
}

std::string title_case(std::string_view text, bool every_word) {
  std::string out;
  bool is_inside = false;
  for (const auto part : characters(text)) {
    size_t pos = 0;
    const char32_t c = next_code_point(part, pos);
    out += is_inside ? to_lower(part) : to_upper(part);
    is_inside = every_word ? is_word(c) && !is_number(c) && c != '_' : true;
  }
  return out;
}

Value call_method(const Value& self, const std::string& name, const Arguments& arguments,
                  Budget& budget) {
  budget.step();
  if (self.is_string()) return string_method(self.text(), name, arguments, budget);
  if (self.is_dict()) return dict_method(self, name, arguments, budget);
  if (self.is_undefined()) attribute(self, name);
  throw TemplateError{0, fmt::format("{} has no method \"{}\"", self.type_name(), name)};
}

bool is_function_name(std::string_view name) {
  return name == "range" || name == "raise_exception" || name == "strftime_now" || name == "dict" ||
         name == "namespace";
}

Value call_function(const std::string& name, const Arguments& arguments, Budget& budget) {
  if (name == "range") return range(arguments, budget);
  if (name == "strftime_now") return strftime_now(arguments);
  if (name == "dict") return arguments.named;
  const Value* message = arguments.find(0, "message");
  throw TemplateError{0,
                      fmt::format("the template refuses: {}", message ? message->to_text() : "")};
}

}  // namespace r1::jinja
