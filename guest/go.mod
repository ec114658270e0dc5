module stowage/guest

go 1.25.0
