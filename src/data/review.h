// A person's decisions on the rows of a JSONL file: accept, edit or reject, kept as they are made.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "data/dataset.h"

namespace r1 {

enum class Decision : char { kNone = '.', kAccept = 'a', kEdit = 'e', kReject = 'r' };

struct Reviewed {
  Decision decision = Decision::kNone;
  std::string text;  // of an edit: the completion as it shall be
};

struct ReviewCounts {
  int64_t rows = 0, accepted = 0, edited = 0, rejected = 0;
  int64_t left() const { return rows - accepted - edited - rejected; }
};

/// The rows with prompt and completion of FILE, and FILE.review.jsonl, which grows by one line a
/// decision and is on the disk when the call returns. Any thread may call it.
class Review {
 public:
  /// Goes on where the last sitting stopped; a torn last line is cut away. A decision on a row that
  /// has changed since is an error.
  static Result<std::unique_ptr<Review>> open(const Path& jsonl, const DatasetOptions& options);
  explicit Review(Path jsonl);  // empty: use open
  ~Review();

  const std::vector<Problem>& rows() const { return rows_; }
  const Path& file() const { return file_; }
  Reviewed at(size_t row) const;
  ReviewCounts counts() const;
  /// One letter a row: . a e r
  std::string letters() const;

  /// kNone takes the row's last decision back. An edit needs text in UTF-8.
  Result<void> decide(size_t row, Decision decision, const std::string& text = "");

  /// The accepted rows, and the edited ones as they were edited; provenance says which.
  std::string export_rows() const;

 private:
  Result<void> load();
  Result<void> apply(std::string_view line, int64_t number);
  void set(size_t row, Decision decision, std::string text);

  Path file_, journal_;
  std::vector<Problem> rows_;
  std::vector<std::string> sums_;                 // checksums of the rows' lines
  std::vector<std::vector<Reviewed>> decisions_;  // of each row, the last one counts
  int fd_ = -1;
  mutable std::mutex mutex_;
};

}  // namespace r1
