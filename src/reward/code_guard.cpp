#include "reward/code_guard.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>
#include <vector>

namespace r1 {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }

/// Lines that end in a backslash are one with the next, as for the compiler.
std::string joined_lines(const std::string& text) {
  std::string joined;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      joined += text[i];
      continue;
    }
    const size_t end = text.find_first_not_of(" \t\r\f\v", i + 1);  // g++ forgives these
    if (end != text.npos && text[end] == '\n') {
      i = end;
    } else {
      joined += '\\';
    }
  }
  return joined;
}

/// The identifiers and single signs of a text.
std::vector<std::string> tokens_of(const std::string& text) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < text.size();) {
    size_t end = i + 1;
    if (is_word(text[i])) {
      while (end < text.size() && is_word(text[end])) ++end;
    }
    if (!std::isspace(static_cast<unsigned char>(text[i])))
      tokens.push_back(text.substr(i, end - i));
    i = end;
  }
  return tokens;
}

// asm, _Pragma: code and macros out of our sight. ifunc: runs before the harness takes its token.
// basic_string …: their traits are a comparison of one's own. The rest reads the tests.
constexpr std::string_view kWords[] = {"asm",
                                       "__asm",
                                       "__asm__",
                                       "_Pragma",
                                       "__INCLUDE_LEVEL__",
                                       "ifunc",
                                       "__ifunc__",
                                       "basic_string",
                                       "char_traits",
                                       "basic_string_view",
                                       "__versa_string",
                                       "__has_include_next",
                                       "include_next",
                                       "preinit_array"};

/// What may not follow one of the words operator, namespace, template: the sign that is looked for,
/// and what a macro or a comment could hide it behind.
std::string bad_next(const std::string& word, const std::array<std::string, 3>& next,
                     const std::set<std::string>& macros) {
  const bool is_operator = word == "operator", is_template = word == "template";
  if (is_operator && (next[0] == "=" || next[0] == "!") && next[1] == "=") return "operator==";
  if (is_operator && next[0] == "<" && next[1] == "=" && next[2] == ">") return "operator<=>";
  if (is_operator && next[0] == "/" && (next[1] == "*" || next[1] == "/"))
    return "a comment after operator";
  if (word == "namespace" && next[0] == "std" && next[1] != ";") return "namespace std";
  if (is_template && next[0] == "<" && next[1] == ">") return "an explicit specialization";
  const bool is_argument = !macros.empty() && (next[0] == ")" || next[0] == ",");
  if (is_argument || macros.contains(next[0]) || (is_template && macros.contains(next[1])))
    return "a macro about " + word;
  return "";
}

std::string bad_words(const std::vector<std::string>& tokens, const std::set<std::string>& macros) {
  const auto at = [&](size_t i) { return i < tokens.size() ? tokens[i] : std::string(); };
  for (size_t i = 0; i < tokens.size(); ++i) {
    const std::string &word = tokens[i], next = at(i + 1), third = at(i + 2);
    if (std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords)) return word;
    if ((word == "#" && next == "#") || (word == "%" && next == ":" && third == "%")) return "##";
    if (word == "define" && next == "/" && third == "*") return "a comment after #define";
    if (word == "operator" || word == "namespace" || word == "template") {
      if (std::string bad = bad_next(word, {next, third, at(i + 3)}, macros); !bad.empty())
        return bad;
    }
  }
  return "";
}

/// #include takes a plain name; #define may not rename what is looked for above.
std::string bad_line(const std::string& line) {
  const bool is_directive = line.find('#') != line.npos || line.find("%:") != line.npos;
  if (!is_directive) return "";
  const std::vector<std::string> tokens = tokens_of(line);
  const auto has = [&](const char* word) {
    return std::find(tokens.begin(), tokens.end(), word) != tokens.end();
  };
  if (has("define")) {
    for (const char* word : {"operator", "namespace", "template"}) {
      if (has(word)) return std::string(word) + " in a #define";
    }
  }
  const auto include = std::find(tokens.begin(), tokens.end(), "include");
  if (include == tokens.end() || include == tokens.begin()) return "";
  if (*(include - 1) != "#" && *(include - 1) != ":" && *(include - 1) != "/") return "";
  const size_t begin = line.find_first_of("<\"", line.find("include"));
  if (begin == line.npos || include + 1 == tokens.end() ||
      (*(include + 1) != "<" && *(include + 1) != "\""))
    return "#include of no plain name";
  const std::string name = line.substr(begin + 1, line.find_first_of(">\"", begin + 1) - begin - 1);
  const bool is_plain = !name.empty() && is_word(name[0]) && name.find("..") == name.npos &&
                        name.find("./") == name.npos && name.find("//") == name.npos;
  return is_plain && !name.starts_with("main.") && !name.starts_with("extra.")
             ? ""
             : "#include of no plain name";
}

std::set<std::string> macros_of(const std::vector<std::string>& tokens) {
  std::set<std::string> names;
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (tokens[i] == "define" && is_word(tokens[i + 1][0])) names.insert(tokens[i + 1]);
  }
  names.erase("defined");
  return names;
}

}  // namespace

std::string forbidden_in_native(const std::string& program) {
  const std::string text = joined_lines(program);
  const std::vector<std::string> tokens = tokens_of(text);
  if (std::string word = bad_words(tokens, macros_of(tokens)); !word.empty()) return word;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (std::string word = bad_line(text.substr(begin, end - begin)); !word.empty()) return word;
    begin = end + 1;
  }
  return "";
}

std::set<std::string> defined_macros(const std::string& program) {
  return macros_of(tokens_of(joined_lines(program)));
}

}  // namespace r1
