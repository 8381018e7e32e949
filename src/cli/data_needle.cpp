// r1 data needle, r1 data program: tests of long contexts, with lengths in tokens of a model.
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"
#include "cli/data_actions.h"
#include "data/last_digit.h"
#include "data/long_context.h"
#include "engine/chat.h"
#include "models/model_io.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

struct LongConfig {
  std::string model;
  std::vector<double> lengths{256};
  std::vector<double> depths{0, 0.25, 0.5, 0.75, 1};
  int64_t n = 10, keys = 1;
  std::string split = "test", form = "problem", output;
  uint64_t seed = 0;

  void visit_common(auto&& f) {
    f("model", model,
      "whose tokens are counted: folder or .gguf file; none: the built-in task's words");
    f("lengths", lengths, "tokens of prompt and right answer together, at most");
    f("n", n, "rows of each length (and depth)");
    f("split", split, "test or train: rows that have nothing in common");
    f("form", form,
      "problem (prompt, answer, completion: for r1 eval, rl and sft) or corpus (text: for r1 "
      "pretrain)");
    f("seed", seed, "same seed, same rows");
    f("output", output, "the JSONL file to write; none: standard output");
  }
};

struct NeedleConfig : LongConfig {
  void visit(auto&& f) {
    visit_common(f);
    f("depths", depths, "where the needle lies: 0 at the beginning, 1 at the end");
    f("keys", keys, "needles, of which one is asked for; 1 to 26");
  }
};

struct ProgramConfig : LongConfig {
  void visit(auto&& f) { visit_common(f); }
};

struct Reader {
  std::optional<Chat> chat;  // absent: the built-in task
  LongStyle style = LongStyle::kWords;
  CountTokens count = count_words;
};

Result<Reader> open_reader(const std::string& model) {
  Reader reader;
  if (model.empty()) return reader;
  R1_TRY(const ModelConfig config, open_config(model));
  R1_TRY(const Chat chat, Chat::open(model, config));
  reader.chat = chat;
  const bool knows_task =
      chat.tokenizer().token_id("</answer>") && chat.tokenizer().token_id("verifie");
  if (knows_task) return reader;
  reader.style = LongStyle::kEnglish;
  reader.count = [chat](std::string_view prompt, std::string_view completion) {
    const auto ids = chat.prompt({{.role = "user", .content = std::string(prompt)}});
    const auto answer = chat.tokenizer().encode(completion, {.add_special = false});
    return (ids ? std::ssize(*ids) : int64_t{1} << 40) + std::ssize(answer) + 1;
  };
  return reader;
}

/// What pretraining reads of it.
std::string corpus_text(const LongProblem& p, LongStyle style) {
  if (style == LongStyle::kEnglish) return p.prompt + " " + p.completion;
  return fmt::format("<bos> <user> {} <assistant> {}", p.prompt, p.completion);
}

Json row_of(const LongProblem& p, const LongConfig& config, LongStyle style) {
  Json row{{"id", p.id}};
  if (config.form == "corpus") {
    row["text"] = corpus_text(p, style);
  } else {
    row["prompt"] = p.prompt;
    row["answer"] = p.answer;
    row["completion"] = p.completion;
  }
  row["length"] = p.length;
  row["depth"] = p.depth;
  return row;
}

using Maker = Result<LongProblem> (*)(const LongRequest&, const CountTokens&);

Result<void> write_rows(const LongConfig& config, const std::vector<double>& depths, Maker make) {
  if (config.split != "test" && config.split != "train")
    return fail("split is '{}'; it is test or train", config.split);
  if (config.form != "problem" && config.form != "corpus")
    return fail("form is '{}'; it is problem or corpus", config.form);
  if (config.n < 1) return fail("n is {}; it must be at least 1", config.n);
  if (config.lengths.empty() || depths.empty()) return fail("name at least one length and depth");
  R1_TRY(const Reader reader, open_reader(config.model));
  std::string text;
  int64_t n_rows = 0;
  for (const double length : config.lengths) {
    if (!(length >= 1 && length <= 1e9) || length != std::floor(length))
      return fail("length {} is no number of tokens", length);
    for (const double depth : depths) {
      for (int64_t i = 0; i < config.n; ++i, ++n_rows) {
        R1_TRY(const LongProblem problem,
               make({reader.style, config.seed, config.split == "test",
                     static_cast<int64_t>(length), depth, i, config.keys},
                    reader.count));
        text += row_of(problem, config, reader.style).dump() + "\n";
      }
    }
  }
  if (config.output.empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return {};
  }
  R1_RETURN_IF_ERROR(write_text_atomic(config.output, text));
  log_info("{}: {} rows, {}", config.output, n_rows, human_bytes(static_cast<double>(text.size())));
  return {};
}

}  // namespace

const Verb& needle_action() {
  static const Verb action = [] {
    Verb verb{"data needle",
              "needle in a haystack: one fact among much text, asked for at the end",
              {"r1 data needle --lengths 256,1024,4096 --n 10 --output needle.jsonl",
               "r1 data needle --model DIR --lengths 4096,32768 --depths 0,0.5,1 --output n.jsonl"},
              {}};
    verb.run = [verb](const std::vector<std::string>& args) {
      NeedleConfig config;
      return run_verb(verb, config, args,
                      [](NeedleConfig& c) { return write_rows(c, c.depths, make_needle); });
    };
    return verb;
  }();
  return action;
}

const Verb& program_action() {
  static const Verb action = [] {
    Verb verb{"data program",
              "last-digit programs of as many lines as fit, with their worked answers",
              {"r1 data program --lengths 256,1024,4096 --n 100 --output programs.jsonl",
               "r1 data program --lengths 1024 --n 20000 --split train --form corpus --output "
               "long.jsonl"},
              {}};
    verb.run = [verb](const std::vector<std::string>& args) {
      ProgramConfig config;
      return run_verb(verb, config, args,
                      [](ProgramConfig& c) { return write_rows(c, {0.0}, make_long_program); });
    };
    return verb;
  }();
  return action;
}

}  // namespace r1
