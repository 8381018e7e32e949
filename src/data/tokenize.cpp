#include "data/tokenize.h"

#include <algorithm>

#include "base/log.h"

namespace r1 {
namespace {

constexpr int64_t kBatchBytes = 4 << 20, kBatchDocuments = 4096;

// Splits and merges of all kinds: two tokenizers that agree on it and on their words are one.
constexpr const char* kProbe =
    "The quick brown fox's 1234567 + 89.5 = x^2;\n\n\tif (a >= b) return \"naïve\";  // 你好, "
    "мир!\r\n"
    "  first a + 4 ; 8 + 4 = 2 then wait check";

Result<void> split_text(const Path& file, const std::string& separator,
                        const std::function<Result<void>(std::string_view)>& use) {
  R1_TRY(const MappedFile mapped, MappedFile::open(file));
  std::string_view rest = mapped.text();
  if (rest.substr(0, 3) == "\xEF\xBB\xBF") rest.remove_prefix(3);
  while (!rest.empty()) {
    size_t end = separator.empty() ? std::string_view::npos : rest.find(separator);
    end = std::min(end, rest.size());
    R1_RETURN_IF_ERROR(use(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + separator.size(), rest.size()));
    if (separator.empty()) break;
  }
  return {};
}

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

/// Collects documents and encodes them together.
class Batcher {
 public:
  Batcher(const Tokenizer& tokenizer, ThreadPool& pool, TokenWriter& writer, Tokenized& sum)
      : tokenizer_(tokenizer), pool_(pool), writer_(writer), sum_(sum) {}

  Result<bool> add(std::string&& text) {  // whether documents were written
    n_bytes_ += static_cast<int64_t>(text.size());
    texts_.push_back(std::move(text));
    if (n_bytes_ < kBatchBytes && std::ssize(texts_) < kBatchDocuments) return false;
    R1_RETURN_IF_ERROR(flush());
    return true;
  }

  Result<void> flush() {
    std::vector<std::vector<int32_t>> ids(texts_.size());
    pool_.parallel_for(std::ssize(texts_), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        ids[static_cast<size_t>(i)] = document_tokens(tokenizer_, texts_[static_cast<size_t>(i)]);
      }
    });
    for (size_t i = 0; i < texts_.size(); ++i) {
      const int64_t bytes = std::ssize(texts_[i]);
      R1_RETURN_IF_ERROR(writer_.add(ids[i], bytes));
      ++sum_.n_documents;
      sum_.n_tokens += std::ssize(ids[i]);
      sum_.n_bytes += bytes;
    }
    texts_.clear();
    n_bytes_ = 0;
    return {};
  }

 private:
  const Tokenizer& tokenizer_;
  ThreadPool& pool_;
  TokenWriter& writer_;
  Tokenized& sum_;
  std::vector<std::string> texts_;
  int64_t n_bytes_ = 0;
};

}  // namespace

bool is_json_lines(const Path& file) {
  const std::string ending = file.extension().string();
  return ending == ".jsonl" || ending == ".ndjson" || ending == ".json";
}

Result<std::vector<Path>> corpus_files(const Path& data) {
  std::error_code error;
  if (!std::filesystem::is_directory(data, error)) {
    if (!std::filesystem::exists(data, error))
      return fail("{}: no such file or folder", data.string());
    return std::vector<Path>{data};
  }
  std::vector<Path> files;
  for (auto it = std::filesystem::recursive_directory_iterator(data, error);
       !error && it != std::filesystem::recursive_directory_iterator(); it.increment(error)) {
    const std::string ending = it->path().extension().string();
    if (it->is_regular_file() && (ending == ".jsonl" || ending == ".txt"))
      files.push_back(it->path());
  }
  if (error) return fail("{}: {}", data.string(), error.message());
  if (files.empty()) return fail("{}: no *.jsonl and no *.txt in this folder", data.string());
  std::sort(files.begin(), files.end());
  return files;
}

Result<int64_t> for_each_document(const std::vector<Path>& files, const CorpusOptions& options,
                                  const std::function<Result<void>(std::string&&)>& use) {
  int64_t n_empty = 0;
  const auto pass_on = [&](std::string&& text) -> Result<void> {
    if (!is_blank(text)) return use(std::move(text));
    ++n_empty;
    return {};
  };
  DatasetOptions columns = options.columns;
  columns.is_corpus = true;
  for (const Path& file : files) {
    if (is_json_lines(file)) {
      R1_RETURN_IF_ERROR(for_each_problem(
          file, columns, [&](Problem&& row) { return pass_on(std::move(row.completion)); }));
    } else {
      R1_RETURN_IF_ERROR(split_text(file, options.document_separator, [&](std::string_view text) {
        return pass_on(std::string(text));
      }));
    }
  }
  return n_empty;
}

std::vector<int32_t> document_tokens(const Tokenizer& tokenizer, const std::string& text) {
  std::vector<int32_t> ids = tokenizer.encode(text);
  const auto eos = tokenizer.eos_id();
  if (eos && (ids.empty() || ids.back() != *eos)) ids.push_back(*eos);
  return ids;
}

std::string tokenizer_fingerprint(const Tokenizer& tokenizer) {
  std::string facts;
  const auto add = [&](std::string_view text) {
    facts += std::to_string(text.size());
    facts += ':';
    facts += text;
  };
  for (int32_t id = 0; id < tokenizer.vocab_size(); ++id) add(tokenizer.token(id));
  for (const int32_t id : document_tokens(tokenizer, kProbe)) add(std::to_string(id));
  return checksum(std::as_bytes(std::span(facts)));
}

Result<Tokenized> tokenize(const std::vector<Path>& files, const CorpusOptions& options,
                           const Tokenizer& tokenizer, ThreadPool& pool, TokenWriter::Sink sink,
                           const std::function<void(const Tokenized&)>& on_progress) {
  Tokenized sum;
  R1_TRY(TokenWriter writer, TokenWriter::begin(std::move(sink), tokenizer_fingerprint(tokenizer),
                                                tokenizer.vocab_size()));
  Batcher batcher(tokenizer, pool, writer, sum);
  const auto use = [&](std::string&& text) -> Result<void> {
    R1_TRY(const bool wrote, batcher.add(std::move(text)));
    if (wrote && on_progress) on_progress(sum);
    return {};
  };
  R1_TRY(sum.n_empty, for_each_document(files, options, use));
  R1_RETURN_IF_ERROR(batcher.flush());
  if (sum.n_documents == 0) {
    return fail(
        "{}: no row has text to learn; name its column with --completion_column (prompts with "
        "answers are for r1 sft and r1 rl)",
        files[0].string());
  }
  R1_RETURN_IF_ERROR(writer.finish());
  return sum;
}

Result<TokenFile> open_corpus(const Path& data, const CorpusOptions& options,
                              const Tokenizer& tokenizer, ThreadPool& pool) {
  if (TokenFile::is_one(data)) {
    R1_TRY(TokenFile file, TokenFile::open(data));
    if (file.tokenizer() == tokenizer_fingerprint(tokenizer)) return file;
    return fail(
        "{}: made with another tokenizer than the model's; make it anew: r1 data tokenize --model "
        "DIR --data TEXT --output {}",
        data.string(), data.string());
  }
  R1_TRY(const std::vector<Path> files, corpus_files(data));
  std::vector<std::byte> bytes;
  const auto keep = [&](std::span<const std::byte> more) -> Result<void> {
    bytes.insert(bytes.end(), more.begin(), more.end());
    return {};
  };
  R1_TRY(const Tokenized sum, tokenize(files, options, tokenizer, pool, keep));
  if (sum.n_empty > 0)
    log_warn("{}: {} rows have no text and are left out", data.string(), sum.n_empty);
  return TokenFile::from_bytes(std::move(bytes), data.string());
}

}  // namespace r1
