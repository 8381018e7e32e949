// Corpora to token files: order, columns, folders, and equal bytes on any number of threads.
#include "data/tokenize.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "base/scratch.h"
#include "data/last_digit.h"

namespace r1 {
namespace {

class Tokenize : public testing::Test {
 protected:
  Tokenize()
      : tokenizer_(
            *Tokenizer::from_files({{"tokenizer.json", last_digit_tokenizer_json()},
                                    {"tokenizer_config.json", last_digit_tokenizer_config_json()}},
                                   "builtin")) {
    set_log_level(LogLevel::kQuiet);
  }
  ~Tokenize() override { set_log_level(LogLevel::kInfo); }

  Path put(const std::string& name, const std::string& text) const {
    const Path path = scratch_ / name;
    std::filesystem::create_directories(path.parent_path());
    EXPECT_TRUE(write_text_atomic(path, text));
    return path;
  }
  std::vector<std::string> texts(const Path& data, const CorpusOptions& options = {}) const {
    std::vector<std::string> all;
    const auto files = corpus_files(data);
    EXPECT_TRUE(files) << files.error().message;
    const auto done = for_each_document(*files, options, [&](std::string&& text) -> Result<void> {
      all.push_back(std::move(text));
      return {};
    });
    EXPECT_TRUE(done) << done.error().message;
    return all;
  }
  TokenFile open(const Path& data, int threads = 1, const CorpusOptions& options = {}) const {
    ThreadPool pool(threads);
    auto file = open_corpus(data, options, tokenizer_, pool);
    EXPECT_TRUE(file) << file.error().message;
    return std::move(*file);
  }
  std::string error(const Path& data) const {
    ThreadPool pool(1);
    const auto file = open_corpus(data, {}, tokenizer_, pool);
    return file ? "" : file.error().message;
  }

  Scratch scratch_;
  Tokenizer tokenizer_;
};

using Texts = std::vector<std::string>;

TEST_F(Tokenize, ATextFileIsOneDocumentOrMany) {
  const Path file = put("a.txt",
                        "\xEF\xBB\xBF"
                        "8 a + 4\n--\n  \n--\n9 ?");
  EXPECT_EQ(texts(file), (Texts{"8 a + 4\n--\n  \n--\n9 ?"}));
  EXPECT_EQ(texts(file, {.document_separator = "\n--\n"}), (Texts{"8 a + 4", "9 ?"}));
  EXPECT_EQ(texts(file, {.document_separator = "absent"}).size(), 1u);
}

TEST_F(Tokenize, AJsonLineIsADocumentWhateverElseItHolds) {
  const Path file = put("a.jsonl",
                        "{\"text\": \"8 a\", \"question\": 7, \"answer\": [1]}\n"
                        "{\"text\": \"\"}\n{\"text\": \"b + 4\", \"body\": \"x\"}\n");
  EXPECT_EQ(texts(file), (Texts{"8 a", "b + 4"}));
  const Path body = put("b.jsonl", "{\"body\": \"9 c\"}\n");
  CorpusOptions options;
  options.columns.completion_column = "body";
  EXPECT_EQ(texts(body, options), (Texts{"9 c"}));
  EXPECT_NE(error(body).find("b.jsonl:1"), std::string::npos);
}

TEST_F(Tokenize, AFolderIsReadInTheOrderOfItsPaths) {
  put("f/b.txt", "2");
  put("f/a/z.jsonl", "{\"text\": \"1\"}\n");
  put("f/c.jsonl", "{\"text\": \"3\"}\n{\"text\": \"4\"}\n");
  put("f/notes.md", "left out");
  EXPECT_EQ(texts(scratch_ / "f"), (Texts{"1", "2", "3", "4"}));
  put("empty/notes.md", "");
  EXPECT_FALSE(corpus_files(scratch_ / "empty"));
  EXPECT_FALSE(corpus_files(scratch_ / "absent"));
}

TEST_F(Tokenize, DocumentsEndWithOneEndToken) {
  const int32_t eos = *tokenizer_.eos_id();
  const auto plain = document_tokens(tokenizer_, "8 a + 4");
  EXPECT_EQ(plain.size(), 5u);
  EXPECT_EQ(plain.back(), eos);
  EXPECT_EQ(document_tokens(tokenizer_, "8 a + 4 <eos>"), plain);
}

TEST_F(Tokenize, ThreadsChangeNoByte) {
  std::string rows;
  for (int i = 0; i < 6000; ++i)
    rows += "{\"text\": \"" + last_digit_document(1, i).prompt + "\"}\n";
  const Path file = put("many.jsonl", rows);
  std::vector<std::string> bytes;
  for (const int threads : {1, 3}) {
    ThreadPool pool(threads);
    std::string out;
    int n_reports = 0;
    const auto sum = tokenize(
        {file}, {}, tokenizer_, pool,
        [&](std::span<const std::byte> more) -> Result<void> {
          out.append(reinterpret_cast<const char*>(more.data()), more.size());
          return {};
        },
        [&](const Tokenized&) { ++n_reports; });
    ASSERT_TRUE(sum) << sum.error().message;
    EXPECT_EQ(sum->n_documents, 6000);
    EXPECT_GT(n_reports, 0);
    bytes.push_back(std::move(out));
  }
  EXPECT_TRUE(bytes[0] == bytes[1]);
  const TokenFile corpus = open(file, 2);
  EXPECT_EQ(corpus.n_documents(), 6000);
  EXPECT_EQ(*corpus.document(5999, 1000),
            document_tokens(tokenizer_, last_digit_document(1, 5999).prompt));
  EXPECT_EQ(corpus.text_bytes(5999), std::ssize(last_digit_document(1, 5999).prompt));
}

TEST_F(Tokenize, ATokenFileServesItsOwnTokenizerAlone) {
  const Path text = put("a.txt", "8 a + 4");
  ThreadPool pool(1);
  std::string bytes;
  ASSERT_TRUE(tokenize({text}, {}, tokenizer_, pool, [&](auto more) -> Result<void> {
    bytes.append(reinterpret_cast<const char*>(more.data()), more.size());
    return {};
  }));
  const Path file = put("a.tokens", bytes);
  EXPECT_EQ(*open(file).document(0, 100), *open(text).document(0, 100));
  bytes.replace(16, 4, "beef");
  EXPECT_NE(error(put("b.tokens", bytes)).find("another tokenizer"), std::string::npos);
  EXPECT_NE(error(put("c.tokens", bytes.substr(0, 60))).find("too few"), std::string::npos);
}

TEST_F(Tokenize, FingerprintsTellTokenizersApartByWhatTheyDo) {
  const std::string json = last_digit_tokenizer_json(), config = last_digit_tokenizer_config_json();
  const auto fingerprint = [](const std::string& json, const std::string& config) {
    const auto tokenizer =
        Tokenizer::from_files({{"tokenizer.json", json}, {"tokenizer_config.json", config}}, "x");
    EXPECT_TRUE(tokenizer) << tokenizer.error().message;
    return tokenizer_fingerprint(*tokenizer);
  };
  const std::string own = fingerprint(json, config);
  EXPECT_EQ(own.size(), 32u);
  EXPECT_EQ(fingerprint(json + "\n  ", config), own);  // layout is nothing
  std::string other = json;
  for (size_t at = 0; (at = other.find("verifie", at)) != std::string::npos;)
    other.replace(at, 7, "verifia");
  EXPECT_NE(fingerprint(other, config), own);
}

TEST_F(Tokenize, NothingToLearnIsAnError) {
  EXPECT_NE(error(put("a.jsonl", "{\"prompt\": \"8 ?\", \"answer\": \"8\"}\n"))
                .find("--completion_column"),
            std::string::npos);
  EXPECT_NE(error(put("b.txt", " \n")).find("no row has text"), std::string::npos);
  EXPECT_NE(error(scratch_ / "absent.jsonl").find("no such file"), std::string::npos);
}

}  // namespace
}  // namespace r1
