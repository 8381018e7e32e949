#include "reward/code_tests.h"

#include <nlohmann/json.hpp>

#include "reward/code_extract.h"

namespace r1 {
namespace {

using Json = nlohmann::json;

Json parse(const std::string& text) { return Json::parse(text, nullptr, false); }

/// A column; text that holds a JSON list or object is opened.
Json column(const Problem& problem, const std::string& name) {
  const auto found = problem.columns.find(name);
  if (found == problem.columns.end()) return nullptr;
  return parse(found->second);
}

std::string text_column(const Problem& problem, const std::string& name) {
  const Json value = column(problem, name);
  return value.is_string() ? value.get<std::string>() : "";
}

std::vector<std::string> list_column(const Problem& problem, const std::string& name) {
  std::vector<std::string> list;
  const Json value = column(problem, name);
  if (!value.is_array()) return list;
  for (const Json& item : value) {
    if (item.is_string()) list.push_back(item.get<std::string>());
  }
  return list;
}

/// Text as it is; a list as its lines; anything else as JSON.
std::string stream_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& line : value) text += stream_text(line) + "\n";
  return text;
}

const Json* member(const Json& object, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (const auto found = object.find(name); found != object.end()) return &*found;
  }
  return nullptr;
}

Result<void> add_pairs(const Json& tests, CodeTests& result) {
  if (tests.is_object()) {
    const Json* inputs = member(tests, {"inputs", "input"});
    const Json* outputs = member(tests, {"outputs", "output"});
    if (!inputs || !outputs || !inputs->is_array() || !outputs->is_array() ||
        inputs->size() != outputs->size()) {
      return fail("tests: expected \"inputs\" and \"outputs\", two lists of one length");
    }
    for (size_t i = 0; i < inputs->size(); ++i) {
      result.pairs.push_back({stream_text((*inputs)[i]), stream_text((*outputs)[i])});
    }
    return {};
  }
  for (const Json& test : tests) {
    if (test.is_string()) {
      result.asserts.push_back(test.get<std::string>());
      continue;
    }
    const Json* input = test.is_object() ? member(test, {"input", "stdin"}) : nullptr;
    const Json* output =
        test.is_object() ? member(test, {"output", "stdout", "expected"}) : nullptr;
    if (!input || !output) {
      return fail("tests: each must be text or have \"input\" and \"output\": {}",
                  test.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80));
    }
    result.pairs.push_back({stream_text(*input), stream_text(*output)});
  }
  if (!result.pairs.empty() && !result.asserts.empty()) {
    return fail("tests: asserts and input-output pairs in one row");
  }
  return {};
}

Result<void> read_tests(const Problem& problem, CodeTests& result) {
  for (const char* name :
       {"tests", "test_cases", "input_output", "public_tests", "private_tests"}) {
    Json tests = column(problem, name);
    if (tests.is_string()) {
      const Json inside = parse(tests.get<std::string>());
      if (inside.is_array() || inside.is_object()) tests = inside;
    }
    if (tests.is_string()) {
      result.asserts.push_back(tests.get<std::string>());
    } else if (tests.is_array() || tests.is_object()) {
      if (auto added = add_pairs(tests, result); !added) return added;
    }
  }
  return {};
}

}  // namespace

Result<CodeTests> read_code_tests(const Problem& problem, const std::string& default_language) {
  CodeTests result;
  result.language = language_name(text_column(problem, "language"));
  if (result.language.empty()) result.language = language_name(default_language);
  if (!problem.messages.empty()) result.prompt = problem.messages.back().content;
  result.stops = list_column(problem, "stop_tokens");
  result.checker = text_column(problem, "checker");
  result.checker_language = language_name(text_column(problem, "checker_language"));
  if (result.checker_language.empty()) result.checker_language = "python";
  const std::string test = text_column(problem, "test");
  result.entry_point = text_column(problem, "entry_point");
  if (!test.empty() && !result.entry_point.empty()) {
    result.asserts = {test};
  } else if (result.asserts = list_column(problem, "test_list"); !result.asserts.empty()) {
    result.entry_point.clear();
    result.setup = text_column(problem, "test_setup_code");
  } else {
    result.entry_point.clear();
    R1_RETURN_IF_ERROR(read_tests(problem, result));
  }
  if (result.pairs.empty() && result.asserts.empty()) {
    return fail("the row has no tests (test and entry_point, test_list, tests or input_output)");
  }
  if (!result.pairs.empty()) return result;
  const bool is_native = result.language == "cpp" || result.language == "c";
  if (!is_native && result.language != "python") {
    return fail("asserts in {} cannot be run; asserts are for python, c and cpp", result.language);
  }
  result.kind = is_native ? CodeTests::Kind::kNativeAsserts : CodeTests::Kind::kCalls;
  return result;
}

}  // namespace r1
