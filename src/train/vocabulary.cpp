#include "train/vocabulary.h"

namespace r1 {

Result<int64_t> common_vocabulary(const Tokenizer& teacher, const Tokenizer& student) {
  const int n_teacher = teacher.vocab_size(), n_student = student.vocab_size();
  int first = -1;  // id of the first difference
  for (int32_t id = 0; id < std::min(n_teacher, n_student) && first < 0; ++id) {
    if (teacher.token(id) != student.token(id)) first = id;
  }
  if (first < 0 && n_teacher == n_student) return n_teacher;
  std::string where = "";
  if (first >= 0)
    where = fmt::format("; id {} is '{}' for one and '{}' for the other", first,
                        teacher.token(first), student.token(first));
  return fail(
      "teacher and student have different vocabularies, {} and {} tokens{}: their logits cannot be "
      "compared; distill by text instead (--method traces)",
      n_teacher, n_student, where);
}

}  // namespace r1
