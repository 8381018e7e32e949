// The page where a person reviews rows, and what it asks of the program.
#pragma once

#include <string>

#include "base/local_server.h"
#include "data/review.h"

namespace r1 {

/// Answers the page's requests. Whoever asks must name this machine as Host and know the token: a
/// page of another site can do neither. Any thread may call handle.
class ReviewSite {
 public:
  ReviewSite(Review& review, std::string token) : review_(review), token_(std::move(token)) {}

  ///   GET  /            the page; ?token=… as in its address
  ///   GET  /api/state   {"file", "decisions": one letter a row}
  ///   GET  /api/row     ?row=N: what is asked, the completion, the facts, the decision
  ///   POST /api/decide  {"row", "decision": accept, edit, reject or undo, "text" of an edit}
  ServerReply handle(const ServerRequest& request);

 private:
  ServerReply state() const;
  ServerReply row(const ServerRequest& request) const;
  ServerReply decide(const ServerRequest& request);
  Review& review_;
  std::string token_;
};

/// 32 hex digits that nobody can guess.
Result<std::string> make_token();

/// The page itself, one file without anything from outside; the token is in its script.
std::string review_page(const std::string& title, const std::string& token);

}  // namespace r1
