# User tungsten, on the volume. tpm adds a line here for each product (option profile-script).
