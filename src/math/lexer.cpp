#include "math/lexer.h"

#include <algorithm>
#include <array>
#include <utility>

namespace r1 {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Unicode signs and what they are here: a sign, or \ and a command's name.
constexpr std::pair<std::string_view, std::string_view> kUnicode[] = {
    {"−", "-"},       {"–", "-"},       {"—", "-"},       {"×", "*"},          {"·", "*"},
    {"⋅", "*"},       {"∙", "*"},       {"÷", "/"},       {"⁄", "/"},          {"≤", "<="},
    {"≥", ">="},      {"⩽", "<="},      {"⩾", ">="},      {"≠", "!="},         {"°", "^o"},
    {"π", "\\pi"},    {"√", "\\sqrt"},  {"∞", "\\infty"}, {"±", "\\pm"},       {"∓", "\\mp"},
    {"∪", "\\cup"},   {"∩", "\\cap"},   {"∈", "\\in"},    {"∅", "\\emptyset"}, {"²", "^2"},
    {"³", "^3"},      {"½", "1/2"},     {"¼", "1/4"},     {"¾", "3/4"},        {"≈", "\\approx"},
    {"θ", "\\theta"}, {"α", "\\alpha"}, {"β", "\\beta"},  {"λ", "\\lambda"},   {"₀", "_0"},
    {"₁", "_1"},      {"₂", "_2"},      {"₃", "_3"},      {"、", ","},         {"，", ","},
    {"；", ";"},      {"（", "("},      {"）", ")"},      {"：", ":"},         {"％", "%"},
    {"＝", "="},      {"．", "."},      {"。", "."},      {"€", ""},           {"£", ""},
    {"¥", ""},        {"’", "'"},       {"′", "'"},       {"\u00a0", " "},     {"\u2009", " "},
    {"\u202f", " "},  {"\u200b", ""}};

/// Commands that set type or space, and nothing else.
constexpr std::string_view kDropped[] = {
    "left",   "right", "displaystyle", "textstyle", "scriptstyle", "limits",
    "bigl",   "bigr",  "big",          "Big",       "Bigl",        "Bigr",
    "bigg",   "Bigg",  "quad",         "qquad",     "thinspace",   "nolimits",
    "middle", "hfill", "hspace",       "rm",        "bf",          "mathstrut"};
constexpr std::string_view kTextCommands[] = {
    "text",   "mbox",   "textbf", "mathrm",       "mathbf", "textit",     "mathit",
    "textrm", "mathsf", "texttt", "operatorname", "hbox",   "boldsymbol", "mathtt"};
constexpr std::pair<std::string_view, std::string_view> kSigns[] = {
    {"cdot", "*"},       {"times", "*"},        {"ast", "*"},          {"div", "/"},
    {"le", "<="},        {"leq", "<="},         {"leqslant", "<="},    {"ge", ">="},
    {"geq", ">="},       {"geqslant", ">="},    {"ne", "!="},          {"neq", "!="},
    {"lt", "<"},         {"gt", ">"},           {"circ", "^o"},        {"degree", "^o"},
    {"lvert", "|"},      {"rvert", "|"},        {"vert", "|"},         {"mid", "|"},
    {"lbrace", "\\{"},   {"rbrace", "\\}"},     {"lbrack", "["},       {"rbrack", "]"},
    {"colon", ":"},      {"prime", "'"},        {"dfrac", "\\frac"},   {"tfrac", "\\frac"},
    {"cfrac", "\\frac"}, {"dbinom", "\\binom"}, {"tbinom", "\\binom"}, {"dotsc", ""},
    {"wedge", "\\land"}};

template <class List>
bool has(const List& list, std::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

/// Replaces the Unicode signs and full-width forms; halves doubled backslashes where the text was
/// escaped twice; mends a form feed that was the f of \frac.
std::string plain(std::string_view text) {
  const size_t doubled = text.find("\\\\");
  const bool is_escaped_twice = doubled != text.npos && text.find("\\\\begin") != text.npos;
  const bool has_rows = text.find("\\begin") != text.npos;
  std::string out;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '\\' && text.substr(i, 2) == "\\\\") {
      const bool before_letter = i + 2 < text.size() && is_letter(text[i + 2]);
      const bool halved = is_escaped_twice || (!has_rows && before_letter);
      out += halved ? "\\" : "\\\\ ";
      i += 2;
    } else if (c == '\f' && text.substr(i + 1, 3) == "rac") {
      out += out.ends_with('\\') ? "f" : "\\f";
      ++i;
    } else if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
      ++i;
    } else {
      size_t length = 1;
      while (i + length < text.size() && (text[i + length] & 0xC0) == 0x80) ++length;
      const std::string_view sign = text.substr(i, length);
      const auto found = std::find_if(std::begin(kUnicode), std::end(kUnicode),
                                      [&](const auto& entry) { return entry.first == sign; });
      if (found != std::end(kUnicode)) {
        out += found->second;
        if (found->second.starts_with('\\')) out += ' ';
      } else if (sign >= "０" && sign <= "９" && sign.size() == 3) {
        out += static_cast<char>('0' + (static_cast<unsigned char>(sign[2]) - 0x90));
      } else {
        out += sign;
      }
      i += length;
    }
  }
  return out;
}

class Lexer {
 public:
  Lexer(std::string text, Comma comma, size_t max_tokens)
      : text_(std::move(text)), comma_(comma), max_tokens_(max_tokens) {}

  std::vector<Token> run() {
    while (at_ < text_.size() && tokens_.size() < max_tokens_) step();
    push(Token::kEnd, "");
    return std::move(tokens_);
  }

 private:
  char look(size_t ahead = 0) const { return at_ + ahead < text_.size() ? text_[at_ + ahead] : 0; }
  std::string_view rest() const { return std::string_view(text_).substr(at_); }

  void push(Token::Type type, std::string text) {
    tokens_.push_back({type, std::move(text), spaced_});
    spaced_ = false;
  }

  void step() {
    const char c = look();
    if (is_space(c) || c == '~') {
      spaced_ = true;
      ++at_;
    } else if (is_digit(c) || (c == '.' && is_digit(look(1)))) {
      number();
    } else if (is_letter(c)) {
      word();
    } else if (c == '\\') {
      command();
    } else if (c == '$' || c == '"' || c == '`') {
      ++at_;
    } else if (static_cast<unsigned char>(c) >= 0x80) {
      other_script();
    } else {
      sign();
    }
  }

  void word() {
    const size_t begin = at_;
    while (is_letter(look())) ++at_;
    push(Token::kWord, text_.substr(begin, at_ - begin));
  }

  void other_script() {
    const size_t begin = at_;
    while (static_cast<unsigned char>(look()) >= 0x80) ++at_;
    push(Token::kText, text_.substr(begin, at_ - begin));
  }

  void sign() {
    for (std::string_view two : {"<=", ">=", "!=", "^o", "**", "=="}) {
      if (two == "^o" ? rest().starts_with("^o") && !is_letter(look(2)) : rest().starts_with(two)) {
        at_ += 2;
        push(Token::kSign, two == "**" ? "^" : two == "==" ? "=" : std::string(two));
        return;
      }
    }
    push(Token::kSign, std::string(1, text_[at_++]));
  }

  /// How many characters a thousands mark takes here, where a digit has just been read; 0: none.
  size_t thousands_mark() const {
    size_t mark = 0;
    bool certain = true;
    for (std::string_view form : {"{,}", ",\\!", ",\\,", "\\,", "\\!", "\\ "}) {
      if (rest().starts_with(form)) mark = form.size();
      if (mark > 0) break;
    }
    if (mark == 0) {
      certain = false;
      if (look() == ',' && comma_ == Comma::kThousands) mark = 1;
      if (look() == ' ') mark = 1;
    }
    if (mark == 0) return 0;
    while (certain && look(mark) == ' ') ++mark;
    for (size_t i = 0; i < 3; ++i) {
      if (!is_digit(look(mark + i))) return 0;
    }
    return is_digit(look(mark + 3)) ? 0 : mark;
  }

  bool is_decimal_mark() const {
    if (!is_digit(look(1))) return false;
    if (look() == ',' && comma_ == Comma::kDecimal) {  // 1,000 has no decimals in any reading
      const size_t end = std::min(text_.find_first_not_of("0123456789", at_ + 1), text_.size());
      return end - at_ - 1 != 3;
    }
    return look() == '.';
  }

  void digits(std::string& out) {
    while (is_digit(look())) out += text_[at_++];
  }

  void number() {
    std::string out;
    digits(out);
    if (!out.empty() && out.size() <= 3 && !follows_script()) {
      while (const size_t mark = thousands_mark()) {
        at_ += mark;
        digits(out);
      }
    }
    if (!out.empty() && out.size() <= 3) dotted_thousands(out);
    if (is_decimal_mark()) {
      ++at_;
      out += '.';
      digits(out);
    } else if (look() == '.' && !is_letter(look(1)) && look(1) != '\\') {
      ++at_;  // 5. ends a sentence
    }
    repeating(out);
    exponent(out);
    push(Token::kNumber, std::move(out));
  }

  /// 1.000.000: two groups of three or more cannot be decimals.
  void dotted_thousands(std::string& out) {
    size_t end = at_, n_groups = 0;
    const auto is_group = [&](size_t at) {
      return at + 3 < text_.size() && text_[at] == '.' && is_digit(text_[at + 1]) &&
             is_digit(text_[at + 2]) && is_digit(text_[at + 3]) &&
             !(at + 4 < text_.size() && is_digit(text_[at + 4]));
    };
    for (; is_group(end); end += 4) ++n_groups;
    if (n_groups < 2) return;
    for (; at_ < end; ++at_) {
      if (is_digit(look())) out += look();
    }
  }

  /// After _ and ^ a space or comma never marks thousands.
  bool follows_script() const {
    return !tokens_.empty() && (tokens_.back().text == "_" || tokens_.back().text == "^");
  }

  /// 0.1\overline{6} becomes 0.1(6).
  void repeating(std::string& out) {
    if (look() == '.' && look(1) == '\\') {
      if (!rest().substr(1).starts_with("\\overline{") && !rest().substr(1).starts_with("\\dot"))
        return;
      ++at_;
      out += '.';
    }
    if (out.find('.') == out.npos) return;
    std::string cycle;
    size_t ahead = at_;
    if (rest().starts_with("\\overline{") || rest().starts_with("\\bar{")) {
      ahead = text_.find('{', at_) + 1;
      while (ahead < text_.size() && is_digit(text_[ahead])) cycle += text_[ahead++];
      if (ahead >= text_.size() || text_[ahead] != '}') return;
      at_ = ahead + 1;
    } else if (rest().starts_with("\\dot")) {
      std::string_view left = rest().substr(4);
      const bool braced = left.starts_with('{');
      if (left.size() < (braced ? 3 : 1) || !is_digit(left[braced ? 1 : 0])) return;
      cycle = left[braced ? 1 : 0];
      at_ += braced ? 7 : 5;
    } else {
      return;
    }
    if (!cycle.empty()) out += "(" + cycle + ")";
  }

  void exponent(std::string& out) {
    if (look() != 'e' && look() != 'E') return;
    const size_t sign = look(1) == '-' || look(1) == '+';
    size_t end = at_ + 1 + sign;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    if (end == at_ + 1 + sign || (end < text_.size() && is_letter(text_[end]))) return;
    out += "e" + text_.substr(at_ + 1, end - at_ - 1);
    at_ = end;
  }

  void command() {
    const char next = look(1);
    if (!is_letter(next)) {
      at_ += 2;
      if (next == '\\' || next == '{' || next == '}' || next == '|') {
        push(Token::kSign, std::string("\\") + next);
      } else if (next == '%') {
        push(Token::kSign, "%");
      } else {
        spaced_ = true;  // \, \; \! \$ and a lone backslash
      }
      return;
    }
    const size_t begin = ++at_;
    while (is_letter(look())) ++at_;
    std::string name = text_.substr(begin, at_ - begin);
    if (has(kDropped, name)) {
      spaced_ = true;
    } else if (has(kTextCommands, name)) {
      text_command();
    } else {
      known(std::move(name));
    }
  }

  void known(std::string name) {
    const auto found = std::find_if(std::begin(kSigns), std::end(kSigns),
                                    [&](const auto& entry) { return entry.first == name; });
    if (found == std::end(kSigns)) return push(Token::kCommand, std::move(name));
    if (found->second.empty()) return;
    const bool is_command = found->second.size() > 2 && found->second[0] == '\\';
    if (is_command) return push(Token::kCommand, std::string(found->second.substr(1)));
    push(Token::kSign, std::string(found->second));
  }

  /// \text{cm}: one text token; \mathrm{e}: a word; \text{13}: read on inside.
  void text_command() {
    while (is_space(look())) ++at_;
    if (look() != '{') {
      spaced_ = true;
      return;
    }
    size_t end = at_ + 1, depth = 1;
    bool is_plain = true, has_letter = false;
    for (; end < text_.size() && depth > 0; ++end) {
      depth += text_[end] == '{';
      depth -= text_[end] == '}';
      is_plain = is_plain && text_[end] != '\\' && text_[end] != '$';
      has_letter = has_letter || is_letter(text_[end]);
    }
    const size_t close = depth == 0 ? end - 1 : text_.size();
    std::string inside = text_.substr(at_ + 1, close - at_ - 1);
    while (!inside.empty() && is_space(inside.back())) inside.pop_back();
    while (!inside.empty() && is_space(inside.front())) inside.erase(0, 1);
    const bool is_sole = inside.size() == 1;
    if (is_plain && has_letter && !is_sole && inside != "and" && inside != "or") {
      at_ = end;
      push(Token::kText, std::move(inside));
    } else {  // read on inside, as in a group
      text_[at_] = ' ';
      if (close < text_.size()) text_[close] = ' ';
    }
  }

  std::string text_;
  Comma comma_;
  size_t max_tokens_, at_ = 0;
  bool spaced_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view text, Comma comma, size_t max_tokens) {
  return Lexer(plain(text), comma, max_tokens).run();
}

bool has_digit_comma(std::string_view text) {
  for (size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == ',' && is_digit(text[i - 1]) && is_digit(text[i + 1])) return true;
  }
  return false;
}

}  // namespace r1
