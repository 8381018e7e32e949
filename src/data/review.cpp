#include "data/review.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/io_error.h"
#include "data/row.h"
#include "text/unicode.h"

namespace r1 {
namespace {

using Json = nlohmann::ordered_json;
constexpr auto kReplace = Json::error_handler_t::replace;
constexpr size_t kLongestEdit = 1 << 20;  // bytes

const char* name_of(Decision decision) {
  switch (decision) {
    case Decision::kAccept:
      return "accept";
    case Decision::kEdit:
      return "edit";
    case Decision::kReject:
      return "reject";
    default:
      return "undo";
  }
}

Result<Decision> parse_decision(const std::string& name) {
  for (const Decision d :
       {Decision::kAccept, Decision::kEdit, Decision::kReject, Decision::kNone}) {
    if (name == name_of(d)) return d;
  }
  return fail("unknown decision {}", name);
}

}  // namespace

Review::Review(Path jsonl) : file_(std::move(jsonl)), journal_(file_) {
  journal_.replace_extension();
  journal_ += ".review.jsonl";
}

Review::~Review() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::unique_ptr<Review>> Review::open(const Path& jsonl, const DatasetOptions& options) {
  auto review = std::make_unique<Review>(jsonl);
  const auto keep = [&](Problem&& problem, std::string_view line) -> Result<void> {
    if (problem.messages.empty() || problem.completion.empty()) {
      return fail("{}: {}: no prompt with a completion; only such rows can be reviewed",
                  jsonl.string(), problem.id);
    }
    review->rows_.push_back(std::move(problem));
    review->sums_.push_back(checksum(std::as_bytes(std::span(line))));
    return {};
  };
  R1_RETURN_IF_ERROR(for_each_row(jsonl, options, keep));
  review->decisions_.resize(review->rows_.size());
  R1_RETURN_IF_ERROR(review->load());
  return review;
}

/// Reads the decisions so far, cuts a torn last line away, and leaves the file open for more.
Result<void> Review::load() {
  std::string text;
  std::error_code ignored;
  if (std::filesystem::exists(journal_, ignored)) {
    R1_TRY(text, read_text(journal_));
  }
  size_t at = 0;
  for (int64_t number = 1; at < text.size(); ++number) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    R1_RETURN_IF_ERROR(apply(std::string_view(text).substr(at, end - at), number));
    at = end + 1;
  }
  fd_ = ::open(journal_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (fd_ < 0) return io_error("create", journal_, errno);
  if (::ftruncate(fd_, static_cast<off_t>(at)) != 0 || ::lseek(fd_, 0, SEEK_END) < 0)
    return io_error("cut", journal_, errno);
  return {};
}

Result<void> Review::apply(std::string_view line, int64_t number) {
  const auto bad = [&](const std::string& what) {
    return fail("{}:{}: {}; mend or remove the line", journal_.string(), number, what);
  };
  const Json json = Json::parse(line, nullptr, false);
  if (!json.is_object()) return bad("no JSON object");
  const auto text = [&](const char* name) {
    const auto value = json.find(name);
    return value != json.end() && value->is_string() ? value->get<std::string>() : std::string();
  };
  const auto row = json.find("row");
  if (row == json.end() || !row->is_number_unsigned() || row->get<uint64_t>() >= rows_.size())
    return bad(fmt::format("no row of {}", file_.string()));
  const auto index = row->get<size_t>();
  if (text("sum") != sums_[index])
    return bad(fmt::format("row {} of {} has changed since it was decided", index, file_.string()));
  const auto decision = parse_decision(text("decision"));
  if (!decision) return bad(decision.error().message);
  if (*decision == Decision::kEdit && text("text").empty()) return bad("an edit without text");
  set(index, *decision, text("text"));
  return {};
}

void Review::set(size_t row, Decision decision, std::string text) {
  std::vector<Reviewed>& all = decisions_[row];
  if (decision != Decision::kNone) {
    all.push_back({decision, std::move(text)});
  } else if (!all.empty()) {
    all.pop_back();
  }
}

Result<void> Review::decide(size_t row, Decision decision, const std::string& text) {
  if (row >= rows_.size()) return fail("there is no row {}", row);
  if (decision == Decision::kEdit) {
    if (text.empty()) return fail("an edit needs a text");
    if (text.size() > kLongestEdit) return fail("the text is longer than 1 MiB");
    if (!is_utf8(text)) return fail("the text is not UTF-8");
  }
  Json json{{"row", row}, {"id", rows_[row].id}, {"decision", name_of(decision)}};
  if (decision == Decision::kEdit) json["text"] = text;
  json["sum"] = sums_[row];
  const std::string line = json.dump(-1, ' ', false, kReplace) + "\n";
  const std::lock_guard lock(mutex_);
  if (decision == Decision::kNone && decisions_[row].empty())
    return fail("row {} has no decision to take back", row);
  R1_RETURN_IF_ERROR(write_all(fd_, std::as_bytes(std::span(line)), journal_));
  if (::fsync(fd_) != 0 && errno != EINVAL) return io_error("sync", journal_, errno);
  set(row, decision, decision == Decision::kEdit ? text : "");
  return {};
}

Reviewed Review::at(size_t row) const {
  const std::lock_guard lock(mutex_);
  const std::vector<Reviewed>& all = decisions_.at(row);
  return all.empty() ? Reviewed{} : all.back();
}

std::string Review::letters() const {
  const std::lock_guard lock(mutex_);
  std::string letters;
  for (const auto& all : decisions_)
    letters += static_cast<char>(all.empty() ? Decision::kNone : all.back().decision);
  return letters;
}

ReviewCounts Review::counts() const {
  ReviewCounts counts;
  for (const char letter : letters()) {
    ++counts.rows;
    counts.accepted += letter == static_cast<char>(Decision::kAccept);
    counts.edited += letter == static_cast<char>(Decision::kEdit);
    counts.rejected += letter == static_cast<char>(Decision::kReject);
  }
  return counts;
}

std::string Review::export_rows() const {
  std::string out;
  for (size_t i = 0; i < rows_.size(); ++i) {
    const Reviewed reviewed = at(i);
    if (reviewed.decision != Decision::kAccept && reviewed.decision != Decision::kEdit) continue;
    Problem row = rows_[i];
    Json provenance = Json::object();
    if (const auto own = row.columns.find("provenance"); own != row.columns.end())
      provenance = Json::parse(own->second, nullptr, false);
    if (!provenance.is_object()) provenance = Json{{"source", provenance}};
    provenance["review"] = {
        {"file", file_.filename().string()}, {"row", i}, {"decision", name_of(reviewed.decision)}};
    if (reviewed.decision == Decision::kEdit) {
      provenance["review"]["original"] = row.completion;
      row.completion = reviewed.text;
    }
    out += write_row(row, provenance.dump(-1, ' ', false, kReplace)) + "\n";
  }
  return out;
}

}  // namespace r1
