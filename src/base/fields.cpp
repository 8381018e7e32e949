#include "base/fields.h"

#include <algorithm>
#include <numeric>

#include "base/field_text.h"

namespace r1 {
namespace {

Result<bool> parse_bool(const std::string& text) {
  if (text == "true" || text == "1" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "0" || text == "no" || text == "off") return false;
  return fail("takes true or false, not '{}'", text);
}

/// In a list, a backslash makes a comma or a backslash stand for itself.
std::vector<std::string> split_list(const std::string& text) {
  if (text.empty()) return {};
  std::vector<std::string> items(1);
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '\\' && (next == ',' || next == '\\')) {
      items.back() += text[++i];
    } else if (text[i] == ',') {
      items.emplace_back();
    } else {
      items.back() += text[i];
    }
  }
  return items;
}

std::string join_list(const std::vector<std::string>& items) {
  std::string text;
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) text += ',';
    for (char c : items[i]) {
      if (c == ',' || c == '\\') text += '\\';
      text += c;
    }
  }
  return text;
}

template <class T>
Result<T> parse_text(const std::string& text) {
  if constexpr (std::is_same_v<T, bool>) {
    return parse_bool(text);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return parse_number<T>(text);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return text;
  } else {
    T list;
    for (const std::string& item : split_list(text)) {
      R1_TRY(auto element, parse_text<typename T::value_type>(item));
      list.push_back(element);
    }
    return list;
  }
}

template <class T>
std::string text_of(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    return number_text(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else {
    std::vector<std::string> items;
    for (const auto& element : value) items.push_back(text_of(element));
    return join_list(items);
  }
}

/// What stands for the value after "--name" in the help.
template <class T>
const char* placeholder(const T*) {
  if constexpr (std::is_same_v<T, bool>) return "";
  if constexpr (std::is_integral_v<T>) return " N";
  if constexpr (std::is_floating_point_v<T>) return " X";
  if constexpr (std::is_same_v<T, std::string>) return " TEXT";
  if constexpr (std::is_same_v<T, std::vector<double>>) return " X,X,...";
  if constexpr (std::is_same_v<T, std::vector<std::string>>) return " TEXT,TEXT,...";
}

/// Edits from a to b: insert, delete, replace a letter, or swap two neighbours.
size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> before_last, last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        row[j] = std::min(row[j], before_last[j - 2] + 1);
      }
    }
    before_last = last;
    last = row;
  }
  return last[b.size()];
}

}  // namespace

const Field* find_field(const std::vector<Field>& fields, const std::string& name) {
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const Field& field) { return field.name == name; });
  return found == fields.end() ? nullptr : &*found;
}

bool is_table_of(const std::vector<Field>& fields, const std::string& name) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const Field& field) { return field.name.starts_with(name + "."); });
}

tl::unexpected<Error> unknown_field(const std::vector<Field>& fields, const std::string& name) {
  if (is_table_of(fields, name)) {
    return fail("'{}' is a table of fields, not a value; set '{}.NAME'", name, name);
  }
  std::vector<std::string> known;
  for (const Field& field : fields) known.push_back(field.name);
  const std::string near = nearest_name(name, known);
  if (near.empty()) return fail("unknown field '{}'", name);
  return fail("unknown field '{}'; did you mean '{}'?", name, near);
}

Result<void> set_field(const std::vector<Field>& fields, const std::string& name,
                       const std::string& value) {
  std::string known = name;  // a command line may write group-size for group_size
  std::replace(known.begin(), known.end(), '-', '_');
  const Field* field = find_field(fields, known);
  if (field == nullptr) return unknown_field(fields, known);
  return std::visit(
      [&](auto* target) -> Result<void> {
        auto parsed = parse_text<std::remove_pointer_t<decltype(target)>>(value);
        if (!parsed) return fail("'{}' {}", known, parsed.error().message);
        *target = std::move(*parsed);
        return {};
      },
      field->value);
}

std::string value_text(const Field& field) {
  return std::visit([](auto* value) { return text_of(*value); }, field.value);
}

std::string help_text(const std::vector<Field>& fields) {
  std::vector<std::string> left;
  size_t width = 0;
  for (const Field& field : fields) {
    const char* takes = std::visit([](auto* value) { return placeholder(value); }, field.value);
    left.push_back("--" + field.name + takes);
    if (left.back().size() <= 40) width = std::max(width, left.back().size());
  }
  std::string text;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string value = value_text(fields[i]);
    text += fmt::format("  {:<{}}  {}", left[i], width, fields[i].help);
    if (!value.empty())
      text += fmt::format("{}(default {})", fields[i].help.empty() ? "" : " ", value);
    while (text.ends_with(' ')) text.pop_back();
    text += '\n';
  }
  return text;
}

std::string nearest_name(const std::string& name, const std::vector<std::string>& known) {
  std::string nearest;
  size_t least = std::max<size_t>(1, name.size() / 3) + 1;  // beyond this a hint misleads
  for (const std::string& candidate : known) {
    // "beta" is near "grpo.beta" too: the table is easily forgotten.
    const std::string last = candidate.substr(candidate.rfind('.') + 1);
    const size_t distance = std::min(edit_distance(name, candidate), edit_distance(name, last));
    if (distance < least) least = distance, nearest = candidate;
  }
  return nearest;
}

}  // namespace r1
