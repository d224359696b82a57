"""What a tenant may write, checked on the final objects, after every patch.

One file for each kind of rule. A rule says what is wrong and where; nothing here changes an object.
"""
