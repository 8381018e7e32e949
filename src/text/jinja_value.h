// The values of a chat template: Python's, as far as templates use them.
#pragma once

#include <cstdint>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace r1::jinja {

/// Thrown inside the interpreter only; render() turns it into an Error. line 0: not known yet.
struct TemplateError {
  int line;
  std::string message;
};

struct MacroNode;
class Value;
using List = std::vector<Value>;
using Dict = std::vector<std::pair<std::string, Value>>;  // in order of insertion

struct Undefined {
  std::string name;  // for the error that its use gives
};
struct None {};
/// The only thing that can be changed after it was made. The interpreter owns all of them, so that
/// circles do no harm.
struct Namespace {
  Dict fields;
};
struct Function {
  std::string name;                  // of a global
  const MacroNode* macro = nullptr;  // or a macro of the template
};

/// Lists, dicts and strings are shared and never change. Nesting and weight are limited, so
/// recursion over a value is safe; a value that would exceed them throws.
class Value {
 public:
  static constexpr int kMaxDepth = 100;
  static constexpr int64_t kMaxWeight = int64_t{1} << 26;

  Value() : data_(Undefined{}) {}
  explicit Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(None) : data_(None{}) {}
  Value(bool flag) : data_(flag) {}
  Value(int64_t number) : data_(number) {}
  Value(double number) : data_(number) {}
  Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  Value(const char* text) : Value(std::string(text)) {}
  Value(List items);
  Value(Dict members);
  Value(Namespace* ns) : data_(ns) {}
  Value(Function function) : data_(std::move(function)) {}

  bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  bool is_none() const { return std::holds_alternative<None>(data_); }
  bool is_bool() const { return std::holds_alternative<bool>(data_); }
  bool is_int() const { return std::holds_alternative<int64_t>(data_); }
  bool is_float() const { return std::holds_alternative<double>(data_); }
  bool is_number() const { return is_int() || is_float() || is_bool(); }  // as in Python
  bool is_string() const { return std::holds_alternative<Text>(data_); }
  bool is_list() const { return std::holds_alternative<Items>(data_); }
  bool is_dict() const { return std::holds_alternative<Members>(data_); }
  bool is_namespace() const { return std::holds_alternative<Namespace*>(data_); }
  bool is_function() const { return std::holds_alternative<Function>(data_); }

  const std::string& text() const { return *std::get<Text>(data_); }
  const List& list() const { return std::get<Items>(data_)->items; }
  const Dict& dict() const { return std::get<Members>(data_)->members; }
  Namespace& ns() const { return *std::get<Namespace*>(data_); }
  const Function& function() const { return std::get<Function>(data_); }
  const std::string& undefined_name() const { return std::get<Undefined>(data_).name; }
  int64_t integer() const;  // of a number; a float is cut
  double number() const;

  bool is_true() const;
  bool equals(const Value& other) const;
  /// The member of a dict or namespace; nullptr when absent.
  const Value* member(std::string_view name) const;
  std::string type_name() const;
  /// About how many bytes it takes to print, counting shared parts as often as they occur.
  int64_t weight() const;
  /// What {{ value }} prints; Undefined prints nothing.
  std::string to_text() const;

 private:
  struct ListData {
    List items;
    int depth;
    int64_t weight;
  };
  struct DictData {
    Dict members;
    int depth;
    int64_t weight;
  };
  using Text = std::shared_ptr<const std::string>;
  using Items = std::shared_ptr<const ListData>;
  using Members = std::shared_ptr<const DictData>;
  int depth() const;

  std::variant<Undefined, None, bool, int64_t, double, Text, Items, Members, Namespace*, Function>
      data_;
};

Value value_from_json(const nlohmann::ordered_json& json);

/// As Python's json.dumps(ensure_ascii=False): keeps the order of keys and all characters.
/// indent < 0: one line.
std::string to_json(const Value& value, int indent);

}  // namespace r1::jinja
