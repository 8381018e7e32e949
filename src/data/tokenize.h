// Text and JSON Lines to token ids: document by document, in parallel, always in the same order.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "data/dataset.h"
#include "data/token_file.h"
#include "text/tokenizer.h"

namespace r1 {

struct CorpusOptions {
  std::string document_separator = {};  // between the documents of a text file; empty: one document
  DatasetOptions columns = {};          // of JSON Lines; completion_column names the text
};

/// The file itself, or what lies below a folder: *.jsonl and *.txt, by path.
Result<std::vector<Path>> corpus_files(const Path& data);
/// *.jsonl, *.ndjson and *.json are JSON Lines; all else is plain text.
bool is_json_lines(const Path& file);

/// Document by document; those without text are left out, and counted. Stops at the first error.
Result<int64_t> for_each_document(const std::vector<Path>& files, const CorpusOptions& options,
                                  const std::function<Result<void>(std::string&&)>& use);

/// As pretraining reads a document: what the tokenizer puts around a text, and one end token.
std::vector<int32_t> document_tokens(const Tokenizer& tokenizer, const std::string& text);

/// 32 hex digits: of the vocabulary in order, the ids of a probe text, and the end token. How
/// tokenizer.json is laid out does not matter.
std::string tokenizer_fingerprint(const Tokenizer& tokenizer);

struct Tokenized {
  int64_t n_documents = 0, n_tokens = 0, n_bytes = 0;  // bytes of text
  int64_t n_empty = 0;                                 // documents without text
};

/// All documents of the files into a token file. An error when there is none with text.
Result<Tokenized> tokenize(const std::vector<Path>& files, const CorpusOptions& options,
                           const Tokenizer& tokenizer, ThreadPool& pool, TokenWriter::Sink sink,
                           const std::function<void(const Tokenized&)>& on_progress = {});

/// A token file as it is (its tokenizer must be this one), or text and JSON Lines tokenized in
/// memory.
Result<TokenFile> open_corpus(const Path& data, const CorpusOptions& options,
                              const Tokenizer& tokenizer, ThreadPool& pool);

}  // namespace r1
