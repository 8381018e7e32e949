#include <algorithm>
#include <utility>

#include "base/field_text.h"
#include "base/toml.h"

namespace r1 {
namespace {

/// Text in double quotes, with TOML's escapes.
std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (c == '\n') {
      result += "\\n";
    } else if (c == '\t') {
      result += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      result += fmt::format("\\u{:04X}", static_cast<int>(c));
    } else {
      result += c;
    }
  }
  return result + '"';
}

template <class T>
std::string value_as_toml(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_floating_point_v<T>) {
    const std::string text = number_text(value);
    return text.find_first_of(".en") == std::string::npos ? text + ".0" : text;
  } else if constexpr (std::is_integral_v<T>) {
    // TOML's integers have 63 bits and a sign; larger ones travel as text.
    const std::string text = number_text(value);
    return std::in_range<int64_t>(value) ? text : quoted(text);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return quoted(value);
  } else {
    std::string text = "[";
    for (size_t i = 0; i < value.size(); ++i) text += (i > 0 ? ", " : "") + value_as_toml(value[i]);
    return text + "]";
  }
}

std::string kind_of(const toml::node& node) {
  if (node.is_string()) return "the text " + quoted(node.as_string()->get());
  if (node.is_integer()) return "the whole number " + number_text(node.as_integer()->get());
  if (node.is_floating_point()) return "the number " + number_text(node.as_floating_point()->get());
  if (node.is_boolean()) return node.as_boolean()->get() ? "true" : "false";
  if (node.is_array()) return "a list";
  return node.is_table() ? "a table" : "a date or a time";
}

template <class T>
Result<T> parse_node(const toml::node& node) {
  if constexpr (std::is_same_v<T, bool>) {
    if (node.is_boolean()) return node.as_boolean()->get();
  } else if constexpr (std::is_integral_v<T>) {
    if (node.is_integer()) return parse_number<T>(number_text(node.as_integer()->get()));
    if (std::is_same_v<T, uint64_t> && node.is_string()) {
      return parse_number<T>(node.as_string()->get());
    }
  } else if constexpr (std::is_floating_point_v<T>) {
    // Through text, since double to float would round a second time: 7.038531e-26 shows it.
    if (const auto number = node.value<double>()) return parse_number<T>(number_text(*number));
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (node.is_string()) return node.as_string()->get();
  } else if (node.is_array()) {
    T list;
    for (const toml::node& item : *node.as_array()) {
      if constexpr (std::is_same_v<T, std::vector<std::string>>) {
        if (item.is_table()) {  // [[name]]: each table as TOML text
          list.push_back(toml_text(*item.as_table()));
          continue;
        }
      }
      R1_TRY(auto element, parse_node<typename T::value_type>(item));
      list.push_back(element);
    }
    return list;
  }
  return fail("takes {}, not {}", type_name<T>(), kind_of(node));
}

/// One value of a TOML file, with its dotted name and place.
struct Entry {
  std::string name;
  const toml::node* node;
  toml::source_position place;
};

void list_values(const toml::table& table, const std::string& prefix,
                 std::map<std::string, std::string>& values) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (node.is_table()) {
      list_values(*node.as_table(), name + ".", values);
    } else if (node.is_floating_point()) {
      values[name] = value_as_toml(node.as_floating_point()->get());  // in shortest form
    } else {
      const std::string text = toml_text(toml::table{{"x", node}});
      values[name] = text.substr(text.find('=') + 2);
    }
  }
}

/// Lists the file's values, going into those tables only that the config has.
void list_entries(const std::vector<Field>& fields, const toml::table& table,
                  const std::string& prefix, std::vector<Entry>& entries) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (node.is_table() && is_table_of(fields, name)) {
      list_entries(fields, *node.as_table(), name + ".", entries);
    } else {
      entries.push_back({name, &node, key.source().begin});
    }
  }
}

Result<void> apply_entry(const std::vector<Field>& fields, const Entry& entry) {
  const Field* field = find_field(fields, entry.name);
  if (field == nullptr) return unknown_field(fields, entry.name);
  return std::visit(
      [&](auto* value) -> Result<void> {
        auto parsed = parse_node<std::remove_pointer_t<decltype(value)>>(*entry.node);
        if (!parsed) return fail("'{}' {}", entry.name, parsed.error().message);
        *value = std::move(*parsed);
        return {};
      },
      field->value);
}

}  // namespace

Result<void> apply_toml(std::vector<Field> fields, const std::string& text,
                        const std::string& file_name) {
  R1_TRY(const toml::table table, parse_toml(text, file_name));
  std::vector<Entry> entries;
  list_entries(fields, table, "", entries);
  // The table is sorted by key; a person wants the first mistake of the file.
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.place < b.place; });
  for (const Entry& entry : entries) {
    if (auto applied = apply_entry(fields, entry); !applied) {
      return fail("{}:{}:{}: {}", file_name, entry.place.line, entry.place.column,
                  applied.error().message);
    }
  }
  return {};
}

Result<std::map<std::string, std::string>> toml_values(const std::string& text,
                                                       const std::string& file_name) {
  R1_TRY(const toml::table table, parse_toml(text, file_name));
  std::map<std::string, std::string> values;
  list_values(table, "", values);
  return values;
}

std::string to_toml(const std::vector<Field>& fields) {
  // Tables in order of first appearance; the values outside of any table must come first.
  std::vector<std::pair<std::string, std::string>> tables = {{"", ""}};
  for (const Field& field : fields) {
    const size_t dot = field.name.rfind('.');
    const std::string table = dot == std::string::npos ? "" : field.name.substr(0, dot);
    auto found = std::find_if(tables.begin(), tables.end(),
                              [&](const auto& known) { return known.first == table; });
    if (found == tables.end()) found = tables.insert(tables.end(), {table, ""});
    const std::string key = dot == std::string::npos ? field.name : field.name.substr(dot + 1);
    const std::string value = std::visit([](auto* v) { return value_as_toml(*v); }, field.value);
    found->second += key + " = " + value + "\n";
  }
  std::string text = tables[0].second;
  for (size_t i = 1; i < tables.size(); ++i) {
    text += (text.empty() ? "[" : "\n[") + tables[i].first + "]\n" + tables[i].second;
  }
  return text;
}

}  // namespace r1
