#include <fmt/core.h>

#include "text/jinja_interpreter.h"

namespace r1::jinja {
namespace {

bool has_generation(const Block& block) {
  for (const Stmt& stmt : block) {
    if (stmt.kind == Stmt::Kind::kGeneration || has_generation(stmt.body) ||
        has_generation(stmt.otherwise)) {
      return true;
    }
  }
  return false;
}

}  // namespace

Rendered Interpreter::run(const Block& block) {
  rendered_.has_generation_blocks = has_generation(block);
  out_ = &rendered_.text;
  try {
    run_block(block);
  } catch (TemplateError& error) {
    if (error.line == 0) error.line = line_;
    throw;
  }
  return std::move(rendered_);
}

Interpreter::Flow Interpreter::run_block(const Block& block) {
  enter();
  Flow flow = Flow::kNext;
  for (const Stmt& stmt : block) {
    flow = run_statement(stmt);
    if (flow != Flow::kNext) break;
  }
  leave();
  return flow;
}

Interpreter::Flow Interpreter::run_statement(const Stmt& stmt) {
  budget_.step();
  line_ = stmt.line;
  switch (stmt.kind) {
    case Stmt::Kind::kText:
      print(stmt.text);
      break;
    case Stmt::Kind::kPrint: {
      const Value value = evaluate(*stmt.expr);
      budget_.spend(value);
      print(value.to_text());
      break;
    }
    case Stmt::Kind::kIf:
      return run_block(evaluate(*stmt.expr).is_true() ? stmt.body : stmt.otherwise);
    case Stmt::Kind::kFor:
      return run_for(stmt);
    case Stmt::Kind::kSet:
      run_set(stmt);
      break;
    case Stmt::Kind::kSetBlock:
      set(stmt.names[0], capture(stmt.body));
      break;
    case Stmt::Kind::kMacro:
      set(stmt.names[0], Function{"", stmt.macro.get()});
      break;
    case Stmt::Kind::kGeneration: {
      const bool is_top = out_ == &rendered_.text;
      const size_t begin = out_->size();
      const Flow flow = run_block(stmt.body);
      if (is_top) rendered_.generation.emplace_back(begin, out_->size());
      return flow;
    }
    case Stmt::Kind::kBreak:
      return Flow::kBreak;
    case Stmt::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

void Interpreter::print(std::string_view text) {
  budget_.spend(static_cast<int64_t>(text.size()));
  out_->append(text);
}

std::string Interpreter::capture(const Block& block) {
  std::string text;
  std::string* outside = std::exchange(out_, &text);
  run_block(block);
  out_ = outside;
  return text;
}

Interpreter::Flow Interpreter::run_for(const Stmt& stmt) {
  List items;
  for (Value& item : iterate(evaluate(*stmt.expr), budget_)) {
    if (stmt.condition) {
      scopes_.emplace_back();
      assign(stmt.names, item);
      const bool holds = evaluate(*stmt.condition).is_true();
      scopes_.pop_back();
      if (!holds) continue;
    }
    items.push_back(std::move(item));
  }
  if (items.empty()) return run_block(stmt.otherwise);
  Flow flow = Flow::kNext;
  for (size_t i = 0; i < items.size() && flow != Flow::kBreak; ++i) {
    scopes_.emplace_back();
    assign(stmt.names, items[i]);
    set("loop", loop_variables(items, i));
    flow = run_block(stmt.body);
    scopes_.pop_back();
  }
  return Flow::kNext;
}

Dict Interpreter::loop_variables(const List& items, size_t index) const {
  const auto i = static_cast<int64_t>(index), n = static_cast<int64_t>(items.size());
  return {{"index", i + 1},
          {"index0", i},
          {"revindex", n - i},
          {"revindex0", n - i - 1},
          {"first", i == 0},
          {"last", i + 1 == n},
          {"length", n},
          {"previtem", i > 0 ? items[index - 1] : Value(Undefined{"loop.previtem"})},
          {"nextitem", i + 1 < n ? items[index + 1] : Value(Undefined{"loop.nextitem"})}};
}

void Interpreter::assign(const std::vector<std::string>& names, const Value& value) {
  if (names.size() == 1) return set(names[0], value);
  const List parts = iterate(value, budget_);
  if (parts.size() != names.size()) {
    throw TemplateError{
        0, fmt::format("cannot spread {} values over {} variables", parts.size(), names.size())};
  }
  for (size_t i = 0; i < names.size(); ++i) set(names[i], parts[i]);
}

void Interpreter::run_set(const Stmt& stmt) {
  Value value = evaluate(*stmt.expr);
  if (stmt.text.empty()) return assign(stmt.names, value);
  const Value target = look_up(stmt.text);
  if (!target.is_namespace()) {
    throw TemplateError{
        0, fmt::format("\"{}\" is no namespace, its members cannot be set", stmt.text)};
  }
  for (auto& [name, old] : target.ns().fields) {
    if (name == stmt.names[0]) {
      old = std::move(value);
      return;
    }
  }
  target.ns().fields.emplace_back(stmt.names[0], std::move(value));
}

void Interpreter::set(const std::string& name, Value value) {
  for (auto& [known, old] : scopes_.back()) {
    if (known == name) {
      old = std::move(value);
      return;
    }
  }
  scopes_.back().emplace_back(name, std::move(value));
}

Value Interpreter::look_up(const std::string& name) const {
  const auto find = [&](const Dict& scope) -> const Value* {
    for (const auto& [known, value] : scope) {
      if (known == name) return &value;
    }
    return nullptr;
  };
  for (size_t i = scopes_.size(); i > 0; --i) {
    const bool is_visible = i - 1 >= frame_ || i - 1 < 2;
    if (!is_visible) continue;
    if (const Value* found = find(scopes_[i - 1])) return *found;
  }
  return is_function_name(name) ? Value(Function{name}) : Value(Undefined{name});
}

void Interpreter::enter() {
  constexpr int kMaxDepth = 400;
  if (++depth_ > kMaxDepth) throw TemplateError{0, "the template calls itself too deeply"};
}

}  // namespace r1::jinja
