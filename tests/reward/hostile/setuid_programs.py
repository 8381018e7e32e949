# Runs programs that change their user.
import os, subprocess
for program in ['su', 'sudo', 'mount', 'newgrp', 'passwd', 'chsh', 'pkexec', 'fusermount']:
    try:
        out = subprocess.run([program, '-c', 'id -u'], capture_output=True, timeout=0.2, stdin=subprocess.DEVNULL)
        if out.stdout.strip() == b'0':
            print('ESCAPED', program, flush=True)
    except (OSError, subprocess.TimeoutExpired):
        pass
os.system('cp /usr/bin/id /tmp/id; chmod u+s /tmp/id; /tmp/id -u | grep -q "^0$" && echo ESCAPED')
