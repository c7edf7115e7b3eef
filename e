timeout: failed to run command ‘tm’: No such file or directory
