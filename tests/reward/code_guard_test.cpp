#include "reward/code_guard.h"

#include <gtest/gtest.h>

namespace r1 {
namespace {

TEST(CodeGuard, RefusesWhatDecidesInPlaceOfTheValue) {
  for (const char* program : {"bool operator==(A, B);",
                              "bool operator  ==(A, B);",
                              "bool operator\n==(A, B);",
                              "bool operator!=(A, B);",
                              "bool operator/**/==(A, B);",
                              "bool operator//\n==(A, B);",
                              "auto operator<=>(const A&) const = default;",
                              "#define E ==\nbool operator E(A, B);",
                              "#define O operator\nO==(A, B);",
                              "/* */ #define O(x) operator x\n",
                              "%:define O operator\n",
                              "#def\\\nine O oper\\\nator\n",
                              "#define/**/f(x) 1\n",
                              "#define /**/ f(x) 1\n",
                              "#define O(x) x==\nbool O(operator)(A, B);",
                              "#define I(x) x\nI(namespace) std { }",
                              "#define E\ntemplate <E> void f();",
                              "#define I(x) x\nI(template) <> void f();",
                              "namespace std { }",
                              "namespace std::chrono { }",
                              "#define N std\nnamespace N { }",
                              "#define N namespace std\nN { }",
                              "template <> bool std::equal(int*, int*, int*);",
                              "template\n<\n> struct A;",
                              "std::basic_string<char, T> s;",
                              "struct T : std::char_traits<char> {};",
                              "void f() __attribute__((ifunc(\"g\")));",
                              "asm(\"nop\");",
                              "_Pragma(\"once\")",
                              "#define A(b) b##b\n",
                              "%:%: x",
                              "int l = __INCLUDE_LEVEL__;",
                              "#include __FILE__\n",
                              "#include \"main.cpp\"\n",
                              "#include </jail/main.cpp>\n",
                              "#include <../x>\n",
                              "# include A\n",
                              "#include \"./main.c\"\n",
                              "%:include \"/jail/main.c\"\n",
                              "/**/#/**/include \"main.c\"\n"})
    EXPECT_NE(forbidden_in_native(program), "") << program;
}

TEST(CodeGuard, LetsOrdinaryProgramsBe) {
  for (const char* program :
       {"",
        "#include <vector>\n#include \"stdio.h\"\n#include <sys/types.h>\nusing namespace std;\n",
        "bool operator<(const A& a, const A& b) { return a.x < b.x; }",
        "struct H { size_t operator()(int x) const { return x; } };", "A operator+(A, A);",
        "std::ostream& operator<<(std::ostream&, A);", "operator bool() const;",
        "namespace fs = std::filesystem;", "namespace mine { int f(); }",
        "template <class T> T f(T x) { return x; }", "#define MAX(a, b) ((a) > (b) ? (a) : (b))\n",
        "// includes the ends; the operator of the lift is nice\n", "if (a == b) return x != y;",
        "template <typename T, int N> struct A {};", "#ifdef A\n#define B 1\n#endif\n",
        "// an operator, or two (of that operator)\n"})
    EXPECT_EQ(forbidden_in_native(program), "") << program;
}

TEST(CodeGuard, FindsAllMacros) {
  const auto names =
      defined_macros("#define A 1\n # define B(x) x\n#def\\\nine C\n#if defined(D)\n");
  EXPECT_EQ(names, (std::set<std::string>{"A", "B", "C"}));
}

}  // namespace
}  // namespace r1
