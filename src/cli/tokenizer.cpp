// r1 tokenizer: text to ids and back, a new vocabulary from text, two tokenizers compared.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "cli/actions.h"
#include "cli/verbs.h"
#include "models/model_io.h"
#include "text/bpe_trainer.h"
#include "text/stream.h"
#include "text/text_chunks.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;

struct EncodeConfig {
  std::string model, file;
  bool json = false, special = true, trusted = true;

  void visit(auto&& f) {
    f("model", model, "folder with tokenizer.json, or a .gguf file");
    f("file", file, "read the text from a file, - is standard input; none: the words after encode");
    f("json", json, "print {\"ids\": […], \"tokens\": […]} instead of ids with spaces between");
    f("special", special, "add the tokens that the tokenizer puts around a text (BOS, EOS)");
    f("trusted", trusted,
      "special tokens written in the text count as such; --no-trusted: as text");
  }
};

struct DecodeConfig {
  std::string model, file;
  bool skip_special = true;

  void visit(auto&& f) {
    f("model", model, "folder with tokenizer.json, or a .gguf file");
    f("file", file, "read the ids from a file, - is standard input; none: the words after decode");
    f("skip_special", skip_special, "leave special tokens out");
  }
};

struct TrainConfig {
  std::vector<std::string> data;
  std::string output_dir;
  std::vector<std::string> columns = {"text"};
  BpeTrainerConfig trainer;

  void visit(auto&& f) {
    f("data", data, "files: *.jsonl, one object a line, or plain text");
    f("output_dir", output_dir, "where tokenizer.json and tokenizer_config.json go");
    f("columns", columns, "fields of a JSONL line to learn from, those that are there");
    trainer.visit(f);
  }
};

struct CompareConfig {
  std::string model, other, file;

  void visit(auto&& f) {
    f("model", model, "folder of the one tokenizer");
    f("other", other, "folder of the other");
    f("file", file, "the text that both shall encode, - is standard input");
  }
};

Result<Tokenizer> open_tokenizer(const std::string& folder, const char* option) {
  if (folder.empty()) return fail("{} is not set; name a model folder: --{} DIR", option, option);
  R1_TRY(const ModelAssets assets, read_assets(folder));
  return Tokenizer::from_files(assets, folder);
}

using Words = std::vector<std::string>;

std::string joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

void print_ids(const std::vector<int32_t>& ids, bool is_first) {
  std::string line;
  for (const int32_t id : ids) {
    if (!is_first || !line.empty()) line += ' ';
    line += std::to_string(id);
  }
  std::fwrite(line.data(), 1, line.size(), stdout);
}

void print_encoding_json(const Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  Json out{{"ids", ids}, {"tokens", Json::array()}};
  for (const int32_t id : ids) out["tokens"].push_back(tokenizer.token(id));
  std::printf("%s\n", out.dump(-1, ' ', false, Json::error_handler_t::replace).c_str());
}

Result<void> encode(EncodeConfig& config, const Words& words) {
  R1_TRY(const Tokenizer tokenizer, open_tokenizer(config.model, "model"));
  if (words.empty() == config.file.empty()) {
    return fail("give a text or --file FILE: r1 tokenizer encode 'some text' --model DIR");
  }
  const EncodeOptions options{.add_special = config.special, .parse_special = config.trusted};
  if (config.json) {  // one object: all of it at once
    std::string text = joined(words);
    if (!config.file.empty()) {
      R1_TRY(text, read_all(config.file));
    }
    print_encoding_json(tokenizer, tokenizer.encode(text, options));
    return {};
  }
  bool is_first = true;
  const auto show = [&](const std::vector<int32_t>& ids) {
    print_ids(ids, std::exchange(is_first, is_first && ids.empty()));
  };
  if (config.file.empty()) {
    show(tokenizer.encode(joined(words), options));
  } else {
    R1_RETURN_IF_ERROR(encode_file(tokenizer, config.file, options, show));
  }
  std::printf("\n");
  return {};
}

Result<void> push_ids(std::string_view text, TokenStream& stream) {
  while (true) {
    const size_t begin = text.find_first_not_of(" \t\r\n,[]");
    if (begin == text.npos) return {};
    text.remove_prefix(begin);
    const std::string_view word = text.substr(0, text.find_first_of(" \t\r\n,[]"));
    int32_t id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error != std::errc() || end != word.data() + word.size() || id < 0) {
      return fail("'{}' is no token id; write numbers with spaces or commas between", word);
    }
    const std::string shown = stream.push(id);
    std::fwrite(shown.data(), 1, shown.size(), stdout);
    text.remove_prefix(word.size());
  }
}

Result<void> decode(DecodeConfig& config, const Words& words) {
  R1_TRY(const Tokenizer tokenizer, open_tokenizer(config.model, "model"));
  if (words.empty() == config.file.empty()) {
    return fail("give ids or --file FILE: r1 tokenizer decode 1 403 407 --model DIR");
  }
  TokenStream stream(tokenizer, {}, config.skip_special);
  if (config.file.empty()) {
    R1_RETURN_IF_ERROR(push_ids(joined(words), stream));
  } else {
    R1_RETURN_IF_ERROR(
        for_each_line(config.file, [&](std::string_view line) { return push_ids(line, stream); }));
  }
  std::printf("%s\n", stream.finish().c_str());
  return {};
}

/// One line of JSONL: the wanted fields, each a document of its own.
Result<void> add_row(std::string_view line, const TrainConfig& config, BpeTrainer& trainer) {
  if (line.find_first_not_of(" \t\r\n") == line.npos) return {};
  const auto row = nlohmann::json::parse(line, nullptr, false);
  if (!row.is_object()) return fail("not a JSON object");
  bool has_any = false;
  for (const std::string& column : config.columns) {
    const auto found = row.find(column);
    if (found == row.end() || !found->is_string()) continue;
    trainer.add(found->get_ref<const std::string&>());
    has_any = true;
  }
  if (!has_any) {
    return fail("no text in {}; name the fields that hold it: --columns NAME,NAME",
                fmt::join(config.columns, ", "));
  }
  return {};
}

Result<void> read_file(const std::string& file, const TrainConfig& config, BpeTrainer& trainer,
                       Progress& progress, int64_t& n_bytes) {
  const auto count = [&](std::string_view text) {
    n_bytes += static_cast<int64_t>(text.size());
    progress.update(n_bytes, fmt::format("{} words", human_count(trainer.n_words())));
  };
  if (!file.ends_with(".jsonl")) {
    return for_each_chunk(file, [&](std::string_view text, bool) -> Result<void> {
      trainer.add(text);
      count(text);
      return {};
    });
  }
  int64_t n_lines = 0;
  return for_each_line(file, [&](std::string_view line) -> Result<void> {
    ++n_lines;
    const auto added = add_row(line, config, trainer);
    if (!added) return fail_with(added.error().with(fmt::format("{}: line {}", file, n_lines)));
    count(line);
    return {};
  });
}

std::string tokenizer_config(const TrainConfig& config) {
  Json out{{"tokenizer_class", "PreTrainedTokenizerFast"},
           {"clean_up_tokenization_spaces", false},
           {"add_bos_token", false}};
  if (!config.trainer.special_tokens.empty()) {
    out["eos_token"] = config.trainer.special_tokens.front();
    out["pad_token"] = config.trainer.special_tokens.front();
  }
  return out.dump(2) + "\n";
}

Result<void> train(TrainConfig& config, const Words& words) {
  if (!words.empty()) return fail("unexpected '{}'; files are given by --data", words.front());
  if (config.data.empty())
    return fail("data is not set; name the files to learn from: --data FILE");
  if (config.output_dir.empty()) return fail("output_dir is not set; name a folder for the result");
  R1_TRY(BpeTrainer trainer, BpeTrainer::make(config.trainer));
  int64_t n_all = 0, n_bytes = 0;
  for (const std::string& file : config.data) {
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    if (error) return fail("{}: {}", file, error.message());
    n_all += static_cast<int64_t>(size);
  }
  const Timer timer;
  {
    Progress progress("reading", n_all);
    for (const std::string& file : config.data) {
      R1_RETURN_IF_ERROR(read_file(file, config, trainer, progress, n_bytes));
    }
    progress.finish();
  }
  if (trainer.n_words() == 0) return fail("the files hold no text");
  int64_t n_merges = 0;
  Progress progress(
      "merging",
      config.trainer.vocab_size - static_cast<int64_t>(config.trainer.special_tokens.size()) - 256);
  const std::string json =
      trainer.train([&](int64_t done, int64_t) { progress.update(n_merges = done, ""); });
  progress.finish();
  R1_RETURN_IF_ERROR(make_folder(config.output_dir));
  const Path folder = config.output_dir;
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "tokenizer.json", json));
  R1_RETURN_IF_ERROR(write_text_atomic(folder / "tokenizer_config.json", tokenizer_config(config)));
  std::printf("%s of text, %zu different words, %lld merges, %s\ntokenizer: %s\n",
              human_bytes(static_cast<double>(n_all)).c_str(), trainer.n_words(),
              static_cast<long long>(n_merges), human_seconds(timer.seconds()).c_str(),
              (folder / "tokenizer.json").c_str());
  return {};
}

Result<void> compare(CompareConfig& config, const Words& words) {
  if (words.size() == 2 && config.model.empty() && config.other.empty()) {
    config.model = words[0], config.other = words[1];
  } else if (!words.empty()) {
    return fail("compare takes two folders: r1 tokenizer compare DIR DIR --file FILE");
  }
  R1_TRY(const Tokenizer one, open_tokenizer(config.model, "model"));
  R1_TRY(const Tokenizer other, open_tokenizer(config.other, "other"));
  if (config.file.empty()) return fail("file is not set; name a text to encode: --file FILE");
  size_t n_ids = 0, n_bytes = 0;
  R1_RETURN_IF_ERROR(for_each_chunk(config.file, [&](std::string_view text, bool) -> Result<void> {
    const auto a = one.encode(text), b = other.encode(text);
    const auto [at, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (at != a.end() || in_b != b.end()) {
      const std::string before = one.decode(std::span(a.begin(), at), false);
      const auto shown = [](auto from, auto end) {
        return fmt::format("{}", fmt::join(from, std::min(end, from + 5), " "));
      };
      return fail("they differ at byte {} of {}: ids {} against {}", n_bytes + before.size(),
                  config.file, shown(at, a.end()), shown(in_b, b.end()));
    }
    n_ids += a.size();
    n_bytes += text.size();
    return {};
  }));
  std::printf("equal: %zu ids for %zu bytes\n", n_ids, n_bytes);
  return {};
}

template <class Config>
int run_action(const Verb& verb, std::vector<std::string> args,
               Result<void> (*action)(Config&, const Words&)) {
  Config config;
  const Words words = take_words(list_fields(config), args);
  return run_verb(verb, config, args, [&](Config& c) { return action(c, words); });
}

int run_encode(const Verb& verb, const std::vector<std::string>& args) {
  return run_action<EncodeConfig>(verb, args, encode);
}
int run_decode(const Verb& verb, const std::vector<std::string>& args) {
  return run_action<DecodeConfig>(verb, args, decode);
}
int run_train(const Verb& verb, const std::vector<std::string>& args) {
  return run_action<TrainConfig>(verb, args, train);
}
int run_compare(const Verb& verb, const std::vector<std::string>& args) {
  return run_action<CompareConfig>(verb, args, compare);
}

const std::vector<Action>& actions() {
  static const std::vector<Action> all = {
      {{"tokenizer encode",
        "text to token ids",
        {"r1 tokenizer encode 'Once upon a time' --model DIR",
         "r1 tokenizer encode --model DIR --file book.txt > ids.txt",
         "echo '<|im_end|> is text here' | r1 tokenizer encode --model DIR --file - --no-trusted"},
        {}},
       run_encode},
      {{"tokenizer decode",
        "token ids to text",
        {"r1 tokenizer decode 1 403 407 --model DIR",
         "r1 tokenizer decode --model DIR --file ids.txt"},
        {}},
       run_decode},
      {{"tokenizer train",
        "learn a byte-level BPE vocabulary from text",
        {"r1 tokenizer train --data corpus.jsonl --vocab_size 32000 --output_dir tokenizer",
         "r1 tokenizer train --data a.txt,b.txt --pattern llama3 --special_tokens "
         "'<|begin|>,<|end|>' --output_dir tokenizer"},
        {}},
       run_train},
      {{"tokenizer compare",
        "whether two tokenizers give equal ids",
        {"r1 tokenizer compare DIR OTHER_DIR --file book.txt"},
        {}},
       run_compare}};
  return all;
}

}  // namespace

Verb tokenizer_verb() {
  Verb verb{"tokenizer", "encode, decode, train or compare tokenizers", {}, {}};
  verb.run = [verb](const std::vector<std::string>& args) {
    return run_actions(verb, actions(), args);
  };
  return verb;
}

}  // namespace r1
