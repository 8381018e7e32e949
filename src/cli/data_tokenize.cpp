// r1 data tokenize: text and JSON Lines to a token file that pretraining maps.
#include <cstdio>

#include "base/log.h"
#include "cli/data_actions.h"
#include "data/last_digit.h"
#include "data/tokenize.h"
#include "models/model_io.h"
#include "train/learner.h"

namespace r1 {
namespace {

struct TokenizeConfig {
  std::string model, data, output;
  std::string text_column;
  std::string document_separator;
  bool skip_bad_lines = false;
  ComputeConfig compute;

  void visit(auto&& f) {
    f("model", model, "folder with tokenizer.json, a .gguf file, or builtin:last_digit");
    f("data", data, "a file, or a folder of *.jsonl and *.txt: *.jsonl are JSON Lines, else text");
    f("output", output, "the token file to write");
    f("text_column", text_column, "the text of a JSON line; none: text");
    f("document_separator", document_separator,
      "what stands between the documents of a text file; none: the file is one document");
    f("skip_bad_lines", skip_bad_lines, "leave out lines that cannot be read, and say how many");
    f("compute", compute);
  }
};

/// builtin:last_digit stands for the tokenizer of the built-in task.
Result<Tokenizer> open_tokenizer(const std::string& model) {
  if (model == kLastDigitData) {
    return Tokenizer::from_files({{"tokenizer.json", last_digit_tokenizer_json()},
                                  {"tokenizer_config.json", last_digit_tokenizer_config_json()}},
                                 model);
  }
  R1_TRY(const ModelAssets assets, read_assets(model));
  return Tokenizer::from_files(assets, model);
}

Result<void> run(TokenizeConfig& config) {
  for (const auto& [name, value] :
       {std::pair{"model", &config.model}, {"data", &config.data}, {"output", &config.output}}) {
    if (value->empty())
      return fail("{} is not set: r1 data tokenize --model DIR --data FILE --output X.tokens",
                  name);
  }
  R1_TRY(const Machine machine, Machine::open(config.compute));
  R1_TRY(const Tokenizer tokenizer, open_tokenizer(config.model));
  R1_TRY(const std::vector<Path> files, corpus_files(config.data));
  CorpusOptions options{.document_separator = config.document_separator};
  options.columns.completion_column = config.text_column;
  options.columns.skip_bad_lines = config.skip_bad_lines;
  R1_TRY(AtomicFile output, AtomicFile::create(config.output));
  Progress progress("tokenize", 0);
  const Timer timer;
  R1_TRY(const Tokenized sum,
         tokenize(
             files, options, tokenizer, *machine.launch().pool,
             [&](std::span<const std::byte> bytes) { return output.write(bytes); },
             [&](const Tokenized& so_far) {
               progress.update(so_far.n_documents,
                               human_bytes(static_cast<double>(so_far.n_bytes)));
             }));
  R1_RETURN_IF_ERROR(output.commit());
  progress.finish();
  const double bytes = static_cast<double>(sum.n_bytes), tokens = static_cast<double>(sum.n_tokens);
  std::printf("%s: %lld documents, %lld tokens of %s text (%.2f bytes a token), %s/s\n",
              config.output.c_str(), static_cast<long long>(sum.n_documents),
              static_cast<long long>(sum.n_tokens), human_bytes(bytes).c_str(), bytes / tokens,
              human_bytes(bytes / timer.seconds()).c_str());
  if (sum.n_empty > 0)
    std::printf("%lld documents have no text and are left out\n",
                static_cast<long long>(sum.n_empty));
  return {};
}

}  // namespace

const Verb& tokenize_action() {
  static const Verb action = [] {
    Verb verb{
        "data tokenize",
        "text and JSON Lines to a token file, which r1 pretrain maps instead of loading",
        {"r1 data tokenize --model DIR --data corpus.jsonl --output corpus.tokens",
         "r1 data tokenize --model DIR --data books/ --output books.tokens",
         "r1 data tokenize --model DIR --data stories.txt --document_separator '<|endoftext|>' "
         "--output stories.tokens"},
        {}};
    verb.run = [verb](const std::vector<std::string>& args) {
      TokenizeConfig config;
      return run_verb(verb, config, args, run);
    };
    return verb;
  }();
  return action;
}

}  // namespace r1
