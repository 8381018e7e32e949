#include "text/jinja_parser.h"

#include <fmt/core.h>

#include <set>

#include "text/jinja_expression.h"
#include "text/jinja_lexer.h"

namespace r1::jinja {
namespace {

using Kind = Token::Kind;
constexpr int kMaxBlockDepth = 60;

class Parser : private ExpressionParser {
 public:
  explicit Parser(std::vector<Token> tokens) : ExpressionParser(std::move(tokens)) {}

  Block run() {
    Block block = parse_block({});
    if (peek().kind != Kind::kEnd) stop(fmt::format("{} without its beginning", peek_statement()));
    return block;
  }

 private:
  /// The name behind {%, or "".
  std::string peek_statement() const {
    return peek().kind == Kind::kBlockBegin ? peek(1).text : "";
  }

  /// Statements up to {% name %} with one of the names; the end of the template ends it too.
  Block parse_block(const std::set<std::string>& ends) {
    if (++block_depth_ > kMaxBlockDepth) stop("blocks are nested too deeply");
    Block block;
    while (peek().kind != Kind::kEnd && !ends.contains(peek_statement())) {
      const std::string name = peek_statement();
      const bool is_stray = name.starts_with("end") || name == "else" || name == "elif";
      if (is_stray) break;
      block.push_back(parse_statement());
    }
    --block_depth_;
    return block;
  }

  Stmt make(Stmt::Kind kind) const {
    Stmt made{};
    made.kind = kind;
    made.line = peek().line;
    return made;
  }

  Stmt parse_statement() {
    if (peek().kind == Kind::kText) {
      Stmt text = make(Stmt::Kind::kText);
      text.text = take().text;
      return text;
    }
    if (peek().kind == Kind::kPrintBegin) {
      Stmt print = make(Stmt::Kind::kPrint);
      take();
      print.expr = parse_tuple();
      expect(Kind::kPrintEnd, "}}");
      return print;
    }
    expect(Kind::kBlockBegin, "{%");
    const std::string name = expect(Kind::kName, "a statement").text;
    if (name == "if") return parse_if();
    if (name == "for") return parse_for();
    if (name == "set") return parse_set();
    if (name == "macro") return parse_macro();
    if (name == "generation") {
      Stmt generation = make(Stmt::Kind::kGeneration);
      generation.body = parse_body("endgeneration");
      return generation;
    }
    if (name == "break" || name == "continue") {
      if (loop_depth_ == 0) stop(name + " outside of a loop");
      Stmt jump = make(name == "break" ? Stmt::Kind::kBreak : Stmt::Kind::kContinue);
      end_tag();
      return jump;
    }
    stop(fmt::format("statement \"{}\" is not supported", name));
  }

  void end_tag() { expect(Kind::kBlockEnd, "%}"); }

  void end_statement(const std::string& name) {
    if (peek_statement() != name) stop(fmt::format("expected {{% {} %}}", name));
    take();
    take();
    end_tag();
  }

  Block parse_body(const std::string& end) {
    end_tag();
    Block body = parse_block({end});
    end_statement(end);
    return body;
  }

  /// {% elif %} is an if inside the else.
  Stmt parse_if() {
    Stmt first = make(Stmt::Kind::kIf);
    Stmt* branch = &first;
    int n_branches = 0;
    for (;;) {
      branch->expr = parse_tuple();
      end_tag();
      branch->body = parse_block({"elif", "else", "endif"});
      const std::string next = peek_statement();
      if (next == "elif") {
        if (++n_branches > kMaxBlockDepth) stop("too many elif branches");
        branch->otherwise.push_back(make(Stmt::Kind::kIf));
        branch = &branch->otherwise.back();
        take();
        take();
        continue;
      }
      if (next == "else") {
        take();
        take();
        end_tag();
        branch->otherwise = parse_block({"endif"});
      }
      end_statement("endif");
      return first;
    }
  }

  Stmt parse_for() {
    Stmt loop = make(Stmt::Kind::kFor);
    do {
      loop.names.push_back(expect(Kind::kName, "a loop variable").text);
    } while (accept(","));
    if (!accept_name("in")) stop("expected in");
    loop.expr = parse_or_tuple();
    if (accept_name("if")) loop.condition = parse_expression();
    if (accept_name("recursive")) stop("recursive loops are not supported");
    end_tag();
    ++loop_depth_;
    loop.body = parse_block({"else", "endfor"});
    --loop_depth_;
    if (peek_statement() == "else") {
      take();
      take();
      end_tag();
      loop.otherwise = parse_block({"endfor"});
    }
    end_statement("endfor");
    return loop;
  }

  Stmt parse_set() {
    Stmt set = make(Stmt::Kind::kSet);
    set.names.push_back(expect(Kind::kName, "a variable").text);
    if (accept(".")) {
      set.text = set.names[0];
      set.names[0] = expect(Kind::kName, "an attribute").text;
    }
    while (set.text.empty() && accept(",")) {
      set.names.push_back(expect(Kind::kName, "a variable").text);
    }
    if (accept("=")) {
      set.expr = parse_tuple();
      end_tag();
      return set;
    }
    if (set.names.size() > 1 || !set.text.empty()) stop("expected =");
    set.kind = Stmt::Kind::kSetBlock;
    set.body = parse_body("endset");
    return set;
  }

  Stmt parse_macro() {
    Stmt stmt = make(Stmt::Kind::kMacro);
    auto macro = std::make_shared<MacroNode>();
    macro->name = expect(Kind::kName, "a macro name").text;
    expect_operator("(");
    while (!accept(")")) {
      std::string name = expect(Kind::kName, "a parameter").text;
      ExprPtr otherwise = accept("=") ? parse_expression() : nullptr;
      macro->parameters.emplace_back(std::move(name), std::move(otherwise));
      if (!accept(",") && !is_operator(")")) stop("expected , or )");
    }
    const int loops = std::exchange(loop_depth_, 0);
    macro->body = parse_body("endmacro");
    loop_depth_ = loops;
    stmt.names = {macro->name};
    stmt.macro = std::move(macro);
    return stmt;
  }

  int block_depth_ = 0, loop_depth_ = 0;
};

}  // namespace

Block parse(std::string_view source) { return Parser(lex(source)).run(); }

}  // namespace r1::jinja
