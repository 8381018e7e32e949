#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <map>

#include "text/jinja_builtins.h"
#include "text/unicode.h"

namespace r1::jinja {
namespace {

[[noreturn]] void refuse(const std::string& filter, const Value& input) {
  throw TemplateError{0, fmt::format("filter {} cannot take {}", filter, input.type_name())};
}

std::string text_of(const Value& input, const std::string& filter) {
  if (input.is_list() || input.is_dict()) refuse(filter, input);
  return input.to_text();
}

int64_t length(const Value& input) {
  if (input.is_undefined()) return 0;
  if (input.is_string()) return static_cast<int64_t>(count_code_points(input.text()));
  if (input.is_list()) return static_cast<int64_t>(input.list().size());
  if (input.is_dict()) return static_cast<int64_t>(input.dict().size());
  refuse("length", input);
}

Value items(const Value& input) {
  if (input.is_undefined()) return List{};
  if (!input.is_dict()) refuse("items", input);
  List pairs;
  for (const auto& [name, value] : input.dict()) pairs.push_back(List{Value(name), value});
  return pairs;
}

/// Pairs in the order of their keys, small and capital letters alike.
Value sorted_items(const Value& input) {
  List pairs = items(input).list();
  const auto key = [](const Value& pair) { return to_lower(pair.list()[0].text()); };
  std::stable_sort(pairs.begin(), pairs.end(),
                   [&](const Value& a, const Value& b) { return key(a) < key(b); });
  return pairs;
}

Value join(const Value& input, const Arguments& arguments, Budget& budget) {
  const Value* separator = arguments.find(0, "d");
  const Value* name = arguments.find(1, "attribute");
  std::string out;
  bool is_first = true;
  for (const Value& item : iterate(input, budget)) {
    const Value part = name ? attribute(item, name->to_text()) : item;
    budget.spend(part);
    if (!std::exchange(is_first, false) && separator) {
      budget.spend(*separator);
      out += separator->to_text();
    }
    out += part.to_text();
  }
  return out;
}

Value map_items(const Value& input, const Arguments& arguments, Budget& budget) {
  List mapped;
  if (!input.is_true()) return mapped;  // none, too
  const Value* name = arguments.find(arguments.positional.size(), "attribute");
  const Value* otherwise = arguments.find(arguments.positional.size(), "default");
  Arguments rest;
  if (!name) {
    const std::string filter = arguments.text(0, "filter", "map");
    rest.positional.assign(arguments.positional.begin() + 1, arguments.positional.end());
    for (const Value& item : iterate(input, budget)) {
      mapped.push_back(apply_filter(filter, item, rest, budget));
    }
    return mapped;
  }
  for (const Value& item : iterate(input, budget)) {
    Value member = attribute(item, name->to_text());
    mapped.push_back(member.is_undefined() && otherwise ? *otherwise : std::move(member));
  }
  return mapped;
}

/// select and reject, or, by an attribute of each item, selectattr and rejectattr.
Value choose(const Value& input, const Arguments& arguments, bool by_attribute, bool wanted,
             Budget& budget) {
  const size_t first = by_attribute ? 1 : 0;
  const std::string name = by_attribute ? arguments.text(0, "attribute", "selectattr") : "";
  const bool has_test = arguments.positional.size() > first;
  const std::string test = has_test ? arguments.text(first, "test", "select") : "";
  Arguments rest;
  if (has_test) {
    rest.positional.assign(arguments.positional.begin() + first + 1, arguments.positional.end());
  }
  List chosen;
  if (!input.is_true()) return chosen;  // none, too
  for (const Value& item : iterate(input, budget)) {
    const Value tested = by_attribute ? attribute(item, name) : item;
    const bool holds = has_test ? apply_test(test, tested, rest, budget) : tested.is_true();
    if (holds == wanted) chosen.push_back(item);
  }
  return chosen;
}

Value to_integer(const Value& input, const Arguments& arguments) {
  if (input.is_number()) return input.integer();
  const Value* otherwise = arguments.find(0, "default");
  try {
    return static_cast<int64_t>(std::stoll(input.to_text()));
  } catch (const std::exception&) {  // the only way stoll says no
    return otherwise ? *otherwise : Value(int64_t{0});
  }
}

Value to_float(const Value& input, const Arguments& arguments) {
  if (input.is_number()) return input.number();
  const Value* otherwise = arguments.find(0, "default");
  try {
    return std::stod(input.to_text());
  } catch (const std::exception&) {
    return otherwise ? *otherwise : Value(0.0);
  }
}

Value unique(const Value& input, Budget& budget) {
  List kept;
  for (const Value& item : iterate(input, budget)) {
    bool is_new = true;
    for (const Value& other : kept) {
      budget.spend(item);
      if (item.equals(other)) is_new = false;
    }
    if (is_new) kept.push_back(item);
  }
  return kept;
}

Value to_json_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  const Value* indent = arguments.find(0, "indent");
  budget.spend(input);
  const bool is_indented = indent && indent->is_number();
  if (is_indented && (indent->integer() < 0 || indent->integer() > 16)) {
    throw TemplateError{0, "tojson: indent must be 0 to 16"};
  }
  std::string out = to_json(input, is_indented ? static_cast<int>(indent->integer()) : -1);
  budget.spend(static_cast<int64_t>(out.size()));
  return out;
}

using Filter = std::function<Value(const Value&, const Arguments&, Budget&)>;

void add_text_filters(std::map<std::string, Filter>& table) {
  table["string"] = [](const Value& in, const Arguments&, Budget&) { return Value(in.to_text()); };
  table["safe"] = table["string"];
  table["trim"] = [](const Value& in, const Arguments& args, Budget& budget) {
    return Value(strip(text_of(in, "trim"), args, true, true, budget));
  };
  table["upper"] = [](const Value& in, const Arguments&, Budget&) {
    return Value(to_upper(text_of(in, "upper")));
  };
  table["lower"] = [](const Value& in, const Arguments&, Budget&) {
    return Value(to_lower(text_of(in, "lower")));
  };
  table["title"] = [](const Value& in, const Arguments&, Budget&) {
    return Value(title_case(text_of(in, "title"), true));
  };
  table["capitalize"] = [](const Value& in, const Arguments&, Budget&) {
    return Value(title_case(text_of(in, "capitalize"), false));
  };
  table["replace"] = [](const Value& in, const Arguments& args, Budget& budget) {
    return Value(replace(text_of(in, "replace"), args, budget));
  };
  table["int"] = [](const Value& in, const Arguments& args, Budget&) {
    return to_integer(in, args);
  };
  table["float"] = [](const Value& in, const Arguments& args, Budget&) {
    return to_float(in, args);
  };
  table["tojson"] = to_json_filter;
}

void add_list_filters(std::map<std::string, Filter>& table) {
  table["length"] = [](const Value& in, const Arguments&, Budget&) { return Value(length(in)); };
  table["count"] = table["length"];
  table["items"] = [](const Value& in, const Arguments&, Budget&) { return items(in); };
  table["dictsort"] = [](const Value& in, const Arguments& args, Budget& budget) {
    if (!args.positional.empty() || !args.named.empty()) {
      throw TemplateError{0, "dictsort: only without arguments"};
    }
    budget.spend(16 * in.weight());
    return sorted_items(in);
  };
  table["list"] = [](const Value& in, const Arguments&, Budget& b) {
    return Value(iterate(in, b));
  };
  table["join"] = join;
  table["map"] = map_items;
  table["unique"] = [](const Value& in, const Arguments&, Budget& b) { return unique(in, b); };
  table["first"] = [](const Value& in, const Arguments&, Budget& b) {
    const List all = iterate(in, b);
    return all.empty() ? Value(Undefined{"first item"}) : all.front();
  };
  table["last"] = [](const Value& in, const Arguments&, Budget& b) {
    const List all = iterate(in, b);
    return all.empty() ? Value(Undefined{"last item"}) : all.back();
  };
  table["reverse"] = [](const Value& in, const Arguments&, Budget& b) {
    const List all = iterate(in, b);
    return Value(List(all.rbegin(), all.rend()));
  };
  for (const bool by_attribute : {false, true}) {
    for (const bool wanted : {false, true}) {
      const std::string name =
          std::string(wanted ? "select" : "reject") + (by_attribute ? "attr" : "");
      table[name] = [=](const Value& in, const Arguments& args, Budget& budget) {
        return choose(in, args, by_attribute, wanted, budget);
      };
    }
  }
}

std::map<std::string, Filter> make_filters() {
  std::map<std::string, Filter> table;
  add_text_filters(table);
  add_list_filters(table);
  table["default"] = [](const Value& in, const Arguments& args, Budget&) {
    const Value* otherwise = args.find(0, "default_value");
    const Value* also_false = args.find(1, "boolean");
    const bool is_missing =
        in.is_undefined() || (also_false && also_false->is_true() && !in.is_true());
    return !is_missing ? in : otherwise ? *otherwise : Value("");
  };
  table["d"] = table["default"];
  table["abs"] = [](const Value& in, const Arguments&, Budget&) {
    if (!in.is_number()) refuse("abs", in);
    if (in.is_float()) return Value(std::abs(in.number()));
    return Value(in.integer() < 0 ? -std::max(in.integer(), -INT64_MAX) : in.integer());
  };
  return table;
}

bool is_one_of(std::string_view name, std::initializer_list<std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool compare_test(const std::string& name, const Value& input, const Arguments& arguments,
                  Budget& budget) {
  const Value* other = arguments.find(0, "other");
  if (!other) throw TemplateError{0, fmt::format("test {} needs an argument", name)};
  if (name == "in") return contains(*other, input, budget);
  budget.spend(input);
  return input.equals(*other) == (name != "ne" && name != "!=");
}

}  // namespace

Value apply_filter(const std::string& name, const Value& input, const Arguments& arguments,
                   Budget& budget) {
  static const std::map<std::string, Filter> kFilters = make_filters();
  const auto found = kFilters.find(name);
  if (found == kFilters.end()) {
    throw TemplateError{0, fmt::format("filter \"{}\" is not supported", name)};
  }
  budget.step();
  Value result = found->second(input, arguments, budget);
  if (result.is_string()) budget.spend(result);
  return result;
}

bool apply_test(const std::string& name, const Value& input, const Arguments& arguments,
                Budget& budget) {
  budget.step();
  if (name == "defined") return !input.is_undefined();
  if (name == "undefined") return input.is_undefined();
  if (name == "none") return input.is_none();
  if (name == "string") return input.is_string();
  if (name == "mapping") return input.is_dict();
  if (name == "iterable" || name == "sequence") {
    return input.is_string() || input.is_list() || input.is_dict() ||
           (input.is_undefined() && name == "iterable");
  }
  if (name == "boolean") return input.is_bool();
  if (name == "true") return input.is_bool() && input.is_true();
  if (name == "false") return input.is_bool() && !input.is_true();
  if (name == "number") return input.is_number();
  if (name == "integer") return input.is_int();
  if (name == "float") return input.is_float();
  if (name == "callable") return input.is_function();
  if (is_one_of(name, {"eq", "equalto", "==", "ne", "!=", "in"})) {
    return compare_test(name, input, arguments, budget);
  }
  if (is_one_of(name, {"odd", "even"}) && input.is_number()) {
    return (input.integer() % 2 != 0) == (name == "odd");
  }
  throw TemplateError{0,
                      fmt::format("test \"{}\" of {} is not supported", name, input.type_name())};
}

}  // namespace r1::jinja
