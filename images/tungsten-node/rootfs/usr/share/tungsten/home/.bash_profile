# Login shells of user tungsten; tpm adds its own lines to .bashrc, its profile-script.
[ ! -r ~/.bashrc ] || . ~/.bashrc
