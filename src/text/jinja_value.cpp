#include "text/jinja_value.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace r1::jinja {
namespace {

/// As Python's repr: shortest digits that read back, 1e+16 and 1e-05 in scientific form.
std::string float_text(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  char buffer[400];
  const double size = std::fabs(number);
  const bool is_plain = number == 0 || (size >= 1e-4 && size < 1e16);
  const auto end =
      std::to_chars(buffer, buffer + sizeof buffer, number,
                    is_plain ? std::chars_format::fixed : std::chars_format::scientific);
  std::string text(buffer, end.ptr);
  if (is_plain && text.find('.') == text.npos) text += ".0";
  return text;
}

std::string python_quoted(const std::string& text) {
  const char quote = text.find('\'') != text.npos && text.find('"') == text.npos ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      out += fmt::format("\\x{:02x}", c);
    } else {
      out += c;
    }
  }
  return out + quote;
}

std::string repr(const Value& value) {
  return value.is_string() ? python_quoted(value.text()) : value.to_text();
}

void append_json_string(const std::string& text, std::string& out) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", c);
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void check_size(int depth, int64_t weight) {
  if (depth >= Value::kMaxDepth) throw TemplateError{0, "lists and dicts are nested too deeply"};
  if (weight > Value::kMaxWeight) throw TemplateError{0, "a list or dict grows too large"};
}

class JsonWriter {
 public:
  JsonWriter(int indent, std::string& out) : indent_(indent), out_(out) {}

  void write(const Value& value, int level) {
    if (value.is_string()) {
      append_json_string(value.text(), out_);
    } else if (value.is_list()) {
      const List& items = value.list();
      write_members('[', ']', items.size(), level, [&](size_t i) { write(items[i], level + 1); });
    } else if (value.is_dict()) {
      const Dict& members = value.dict();
      write_members('{', '}', members.size(), level, [&](size_t i) {
        append_json_string(members[i].first, out_);
        out_ += ": ";
        write(members[i].second, level + 1);
      });
    } else if (value.is_none()) {
      out_ += "null";
    } else if (value.is_bool()) {
      out_ += value.is_true() ? "true" : "false";
    } else if (value.is_number()) {
      out_ += value.to_text();
    } else {
      throw TemplateError{0, fmt::format("tojson cannot write {}", value.type_name())};
    }
  }

 private:
  template <class WriteOne>
  void write_members(char open, char close, size_t n, int level, WriteOne write_one) {
    out_ += open;
    for (size_t i = 0; i < n; ++i) {
      if (i > 0) out_ += indent_ < 0 ? ", " : ",";
      new_line(level + 1);
      write_one(i);
    }
    if (n > 0) new_line(level);
    out_ += close;
  }
  void new_line(int level) {
    if (indent_ >= 0) out_.append("\n").append(static_cast<size_t>(indent_) * level, ' ');
  }

  int indent_;
  std::string& out_;
};

}  // namespace

Value::Value(List items) {
  int depth = 0;
  int64_t weight = 16;
  for (const Value& item : items) {
    depth = std::max(depth, item.depth());
    weight += item.weight();
  }
  check_size(depth, weight);
  data_ = std::make_shared<const ListData>(ListData{std::move(items), depth + 1, weight});
}

Value::Value(Dict members) {
  int depth = 0;
  int64_t weight = 16;
  for (const auto& [name, value] : members) {
    depth = std::max(depth, value.depth());
    weight += value.weight() + static_cast<int64_t>(name.size());
  }
  check_size(depth, weight);
  data_ = std::make_shared<const DictData>(DictData{std::move(members), depth + 1, weight});
}

int Value::depth() const {
  if (is_list()) return std::get<Items>(data_)->depth;
  return is_dict() ? std::get<Members>(data_)->depth : 0;
}

int64_t Value::weight() const {
  if (is_string()) return 16 + static_cast<int64_t>(text().size());
  if (is_list()) return std::get<Items>(data_)->weight;
  return is_dict() ? std::get<Members>(data_)->weight : 16;
}

int64_t Value::integer() const {
  if (is_bool()) return std::get<bool>(data_);
  if (is_int()) return std::get<int64_t>(data_);
  const double number = std::get<double>(data_);
  if (!(std::fabs(number) < 9e18)) throw TemplateError{0, "number too large"};
  return static_cast<int64_t>(number);
}

double Value::number() const {
  return is_float() ? std::get<double>(data_) : static_cast<double>(integer());
}

bool Value::is_true() const {
  if (is_undefined() || is_none()) return false;
  if (is_float()) return number() != 0;
  if (is_number()) return integer() != 0;
  if (is_string()) return !text().empty();
  if (is_list()) return !list().empty();
  if (is_dict()) return !dict().empty();
  return true;
}

bool Value::equals(const Value& other) const {
  if (is_number() && other.is_number()) {
    return is_float() || other.is_float() ? number() == other.number()
                                          : integer() == other.integer();
  }
  if (data_.index() != other.data_.index()) return false;
  if (is_undefined() || is_none()) return true;
  if (is_string()) return text() == other.text();
  if (is_list()) {
    return std::equal(list().begin(), list().end(), other.list().begin(), other.list().end(),
                      [](const Value& a, const Value& b) { return a.equals(b); });
  }
  if (is_dict()) {
    if (dict().size() != other.dict().size()) return false;
    return std::all_of(dict().begin(), dict().end(), [&](const auto& one) {
      const Value* there = other.member(one.first);
      return there && one.second.equals(*there);
    });
  }
  return is_namespace() && &ns() == &other.ns();
}

const Value* Value::member(std::string_view name) const {
  if (!is_dict() && !is_namespace()) return nullptr;
  const Dict& members = is_dict() ? dict() : ns().fields;
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string Value::type_name() const {
  static const char* const kNames[] = {"undefined",   "none",      "a boolean", "an integer",
                                       "a float",     "a string",  "a list",    "a dict",
                                       "a namespace", "a function"};
  return kNames[data_.index()];
}

std::string Value::to_text() const {
  if (is_undefined()) return "";
  if (is_none()) return "None";
  if (is_bool()) return is_true() ? "True" : "False";
  if (is_int()) return std::to_string(integer());
  if (is_float()) return float_text(number());
  if (is_string()) return text();
  std::string out;
  if (is_list()) {
    for (const Value& item : list()) out += (out.empty() ? "" : ", ") + repr(item);
    return "[" + out + "]";
  }
  if (is_dict()) {
    for (const auto& [name, value] : dict()) {
      out += (out.empty() ? "" : ", ") + python_quoted(name) + ": " + repr(value);
    }
    return "{" + out + "}";
  }
  return "<" + type_name() + ">";
}

Value value_from_json(const nlohmann::ordered_json& json) {
  if (json.is_null()) return None{};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_unsigned() && json.get<uint64_t>() > INT64_MAX) return json.get<double>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    List items;
    for (const auto& item : json) items.push_back(value_from_json(item));
    return items;
  }
  Dict members;
  for (const auto& [name, item] : json.items()) members.emplace_back(name, value_from_json(item));
  return members;
}

std::string to_json(const Value& value, int indent) {
  std::string out;
  JsonWriter(indent, out).write(value, 0);
  return out;
}

}  // namespace r1::jinja
