#include "text/jinja_lexer.h"

#include <fmt/core.h>

#include <algorithm>

#include "text/jinja_value.h"
#include "text/unicode.h"

namespace r1::jinja {
namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_char(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/// Line ends become \n, and one at the very end goes, as Jinja does.
std::string unify_line_ends(std::string_view source) {
  std::string out;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else if (i + 1 == source.size() || source[i + 1] != '\n') {
      out += '\n';
    }
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(unify_line_ends(source)) {}

  std::vector<Token> run() {
    while (pos_ < source_.size()) {
      const size_t tag = find_tag();
      const char kind = tag < source_.size() ? source_[tag + 1] : ' ';
      add_text(tag, kind);
      if (tag == source_.size()) break;
      pos_ = tag + 2;
      if (pos_ < source_.size() &&
          (source_[pos_] == '-' || (source_[pos_] == '+' && kind != '{'))) {
        ++pos_;
      }
      if (kind == '#') {
        skip_comment();
      } else {
        lex_tag(kind == '%');
      }
    }
    add(Token::Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void stop(const std::string& message) const { throw TemplateError{line_, message}; }

  void add(Token::Kind kind, std::string text) {
    tokens_.push_back({kind, std::move(text), line_});
  }

  void move_to(size_t pos) {
    line_ += static_cast<int>(std::count(source_.begin() + pos_, source_.begin() + pos, '\n'));
    pos_ = pos;
  }

  size_t find_tag() const {
    for (size_t at = source_.find('{', pos_); at < source_.size(); at = source_.find('{', at + 1)) {
      const char next = at + 1 < source_.size() ? source_[at + 1] : ' ';
      if (next == '{' || next == '%' || next == '#') return at;
    }
    return source_.size();
  }

  /// Text up to the tag, without the white space that the tag takes from it.
  void add_text(size_t tag, char kind) {
    std::string text = source_.substr(pos_, tag - pos_);
    const char sign = tag + 2 < source_.size() ? source_[tag + 2] : ' ';
    if (tag < source_.size() && sign == '-') {
      while (!text.empty() && is_blank(text.back())) text.pop_back();
    } else if (kind == '%' || kind == '#') {
      size_t line_start = text.rfind('\n') + 1;  // 0 when there is none
      const bool begins_line = line_start > 0 || pos_ == 0 || source_[pos_ - 1] == '\n';
      const bool is_all_blank =
          std::all_of(text.begin() + line_start, text.end(), [](char c) { return is_blank(c); });
      if (sign != '+' && begins_line && is_all_blank) text.resize(line_start);
    }
    if (!text.empty()) add(Token::Kind::kText, std::move(text));
    move_to(tag);
  }

  /// Behind the end of a block or comment: '-' takes all white space, else one line end goes.
  void trim_after(char sign, bool trims_line) {
    size_t at = pos_;
    if (sign == '-') {
      while (at < source_.size() && is_blank(source_[at])) ++at;
    } else if (trims_line && sign != '+' && at < source_.size() && source_[at] == '\n') {
      ++at;
    }
    move_to(at);
  }

  void skip_comment() {
    const size_t end = source_.find("#}", pos_);
    if (end == source_.npos) stop("a comment {# is never closed");
    const char sign = end > pos_ ? source_[end - 1] : ' ';
    move_to(end + 2);
    trim_after(sign, true);
  }

  void lex_tag(bool is_block) {
    const std::string end = is_block ? "%}" : "}}";
    int n_braces = 0;
    add(is_block ? Token::Kind::kBlockBegin : Token::Kind::kPrintBegin, "");
    for (;;) {
      size_t at = pos_;
      while (at < source_.size() && is_blank(source_[at])) ++at;
      move_to(at);
      if (pos_ == source_.size()) stop("a tag is never closed");
      const char sign = source_[pos_];
      const bool is_signed = sign == '-' || (sign == '+' && is_block);
      if (n_braces == 0 && source_.compare(pos_ + is_signed, 2, end) == 0) {
        add(is_block ? Token::Kind::kBlockEnd : Token::Kind::kPrintEnd, "");
        pos_ += is_signed + 2;
        return trim_after(is_signed ? sign : ' ', is_block);
      }
      n_braces += sign == '{' ? 1 : sign == '}' ? -1 : 0;
      lex_token();
    }
  }

  void lex_token() {
    const char c = source_[pos_];
    if (c == '"' || c == '\'') return lex_string(c);
    if (is_digit(c)) return lex_number();
    size_t end = pos_;
    while (end < source_.size() && is_name_char(source_[end])) ++end;
    if (end > pos_) {
      add(Token::Kind::kName, source_.substr(pos_, end - pos_));
      pos_ = end;
      return;
    }
    for (const char* two : {"==", "!=", "<=", ">=", "//", "**"}) {
      if (source_.compare(pos_, 2, two) == 0) return take_operator(2);
    }
    if (std::string_view("+-*/%~<>=()[]{}.,:|").find(c) == std::string_view::npos) {
      stop(fmt::format("unexpected character '{}'", std::string_view(source_).substr(pos_, 1)));
    }
    take_operator(1);
  }

  void take_operator(size_t n) {
    add(Token::Kind::kOperator, source_.substr(pos_, n));
    pos_ += n;
  }

  void lex_number() {
    size_t end = pos_;
    bool is_float = false;
    while (end < source_.size() && is_digit(source_[end])) ++end;
    if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
      is_float = true;
      for (++end; end < source_.size() && is_digit(source_[end]);) ++end;
    }
    add(is_float ? Token::Kind::kFloat : Token::Kind::kInteger, source_.substr(pos_, end - pos_));
    pos_ = end;
  }

  void lex_string(char quote) {
    std::string text;
    size_t at = pos_ + 1;
    while (at < source_.size() && source_[at] != quote) {
      if (source_[at] == '\\' && at + 1 < source_.size()) {
        at = unescape(at + 1, text);
      } else {
        text += source_[at++];
      }
    }
    if (at == source_.size()) stop("a string is never closed");
    add(Token::Kind::kString, std::move(text));
    move_to(at + 1);
  }

  /// The escape whose letter is at `at`; returns the place behind it.
  size_t unescape(size_t at, std::string& text) const {
    static constexpr std::string_view kLetters = "nrtbfv0\\'\"",
                                      kMeanings("\n\r\t\b\f\v\0\\'\"", 10);
    const char letter = source_[at];
    if (const size_t found = kLetters.find(letter); found != kLetters.npos) {
      text += kMeanings[found];
      return at + 1;
    }
    const size_t n_digits = letter == 'x' ? 2 : letter == 'u' ? 4 : letter == 'U' ? 8 : 0;
    const std::string digits = source_.substr(at + 1, n_digits);
    const bool is_hex = n_digits > 0 && digits.size() == n_digits &&
                        digits.find_first_not_of("0123456789abcdefABCDEF") == digits.npos;
    if (!is_hex) {
      text += {'\\', letter};
      return at + 1;
    }
    const auto code = static_cast<char32_t>(std::stoul(digits, nullptr, 16));
    append_code_point(text, code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) ? 0xFFFD : code);
    return at + 1 + n_digits;
  }

  std::string source_;
  size_t pos_ = 0;
  int line_ = 1;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> lex(std::string_view source) { return Lexer(source).run(); }

}  // namespace r1::jinja
