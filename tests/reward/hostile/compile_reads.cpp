// Includes files of the host.
#include "/dev/zero"
#include "/etc/shadow"
int main() {}
