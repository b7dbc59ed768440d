echo "Hello from $(cat /etc/base-release)"
