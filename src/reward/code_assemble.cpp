#include "reward/code_assemble.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include "reward/code_guard.h"

namespace r1 {
namespace {

std::string rtrim(std::string text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.pop_back();
  return text;
}

/// The lines of a text that begin with #: what a whole function of the candidate still needs.
std::string directives(const std::string& text) {
  std::string result;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (text[begin] == '#' || text.compare(begin, 6, "using ") == 0) {
      result += text.substr(begin, end - begin) + "\n";
    }
    begin = end + 1;
  }
  return result;
}

bool is_balanced(const std::string& text) {
  return std::count(text.begin(), text.end(), '{') == std::count(text.begin(), text.end(), '}');
}

std::string cut_at_stops(std::string text, const std::vector<std::string>& stops) {
  size_t end = text.size();
  for (const std::string& stop : stops) {
    if (!stop.empty()) end = std::min(end, text.find(stop));
  }
  return text.substr(0, end);
}

}  // namespace

std::string candidate_text(const CodeTests& tests, ExtractedCode code) {
  const std::string definition = "def " + tests.entry_point;
  const bool is_call = tests.kind == CodeTests::Kind::kCalls && !tests.entry_point.empty();
  if (!is_call || tests.prompt.find(definition) == std::string::npos) return code.text;
  if (code.text.find(definition) != std::string::npos) {
    return tests.prompt + "\n" + code.text;  // the prompt's imports and helpers, then its own
  }
  std::vector<std::string> stops = tests.stops;
  if (stops.empty() && !code.is_fenced) stops = {"\nclass ", "\ndef ", "\n#", "\nif ", "\nprint"};
  return tests.prompt + cut_at_stops(code.text, stops);
}

Result<std::string> native_text(const CodeTests& tests, const ExtractedCode& code,
                                const std::string& key) {
  if (const std::string word = forbidden_in_native(code.text); !word.empty()) {
    return fail("{} is not allowed in a program judged by asserts", word);
  }
  std::string checks = tests.asserts.front();
  const size_t first = checks.find_first_not_of(" \t\r\n");
  const bool continues = first != checks.npos && checks[first] == '}' && !tests.prompt.empty();
  std::string text;
  if (!continues) {
    text = code.text;
  } else if (code.is_fenced && is_balanced(code.text)) {
    text = directives(tests.prompt) + code.text;
    checks.erase(0, first + 1);
  } else {
    // The brace that ends the prompt's function comes before the asserts' own lines.
    text = tests.prompt + cut_at_stops(code.text, tests.stops) + "\n}";
    checks.erase(0, first + 1);
  }
  const size_t main = checks.find("int main(");
  const size_t last = rtrim(checks).size();
  if (main == checks.npos || last == 0 || checks[last - 1] != '}') {
    return fail("the tests have no main() at their end");
  }
  checks.replace(last - 1, 1, "\nreturn 0; }");
  checks.replace(main, 9, "static int r1_tests_" + key + "(");
  text += "\n";
  for (const std::string& name : defined_macros(code.text)) text += "#undef " + name + "\n";
  const std::string linkage = tests.language == "cpp" ? "extern \"C\" " : "";
  text += "#undef assert\n#undef main\n" + linkage + "void r1_finish_" + key + "(void);\n" +
          linkage + "void r1_fail_" + key +
          "(const char*);\n#define assert(...) ((__VA_ARGS__) ? (void)0 : " + "r1_fail_" + key +
          "(#__VA_ARGS__))\n" + checks + "\nint main(void) { r1_tests_" + key + "(); r1_finish_" +
          key + "(); return 1; }\n";
  return text;
}

std::string python_job(const CodeTests& tests, const std::string& candidate,
                       const std::string& token) {
  std::string job;
  const auto add = [&](const std::string& text) {
    job += std::to_string(text.size()) + "\n" + text;
  };
  const bool has_entry = !tests.entry_point.empty();
  add(token), add(tests.entry_point), add(has_entry ? tests.prompt : ""), add(candidate);
  add(tests.setup);
  for (const std::string& test : tests.asserts) add(test);
  return job;
}

}  // namespace r1
