"""Base classes of Django and of packages that many projects build their models on, as they declare their fields."""

KNOWN_MODULES = {
    "django.contrib.auth.base_user": """
from django.db import models
class AbstractBaseUser(models.Model):
    password = models.CharField(max_length=128)
    last_login = models.DateTimeField(null=True)
    class Meta:
        abstract = True
""",
    "django.contrib.auth.models": """
from django.db import models
from django.contrib.auth.base_user import AbstractBaseUser
class PermissionsMixin(models.Model):
    is_superuser = models.BooleanField(default=False)
    groups = models.ManyToManyField("auth.Group")
    user_permissions = models.ManyToManyField("auth.Permission")
    class Meta:
        abstract = True
class AbstractUser(AbstractBaseUser, PermissionsMixin):
    username = models.CharField(max_length=150, unique=True)
    first_name = models.CharField(max_length=150)
    last_name = models.CharField(max_length=150)
    email = models.EmailField()
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    class Meta:
        abstract = True
class User(AbstractUser):
    pass
class Group(models.Model):
    name = models.CharField(max_length=150, unique=True)
class Permission(models.Model):
    name = models.CharField(max_length=255)
""",
    "django.contrib.contenttypes.models": """
from django.db import models
class ContentType(models.Model):
    model = models.CharField(max_length=100)
    class Meta:
        db_table = "django_content_type"
""",
    "django.contrib.sites.models": """
from django.db import models
class Site(models.Model):
    domain = models.CharField(max_length=100)
    class Meta:
        db_table = "django_site"
""",
    "django.contrib.sessions.base_session": """
from django.db import models
class AbstractBaseSession(models.Model):
    session_key = models.CharField(max_length=40, primary_key=True)
    session_data = models.TextField()
    expire_date = models.DateTimeField(db_index=True)
    class Meta:
        abstract = True
""",
    "model_utils.models": """
from django.db import models
class TimeStampedModel(models.Model):
    created = models.AutoCreatedField(default=now)
    modified = models.AutoLastModifiedField(default=now)
    class Meta:
        abstract = True
class TimeFramedModel(models.Model):
    start = models.DateTimeField(null=True)
    end = models.DateTimeField(null=True)
    class Meta:
        abstract = True
class StatusModel(models.Model):
    status = models.StatusField()
    status_changed = models.MonitorField()
    class Meta:
        abstract = True
class SoftDeletableModel(models.Model):
    is_removed = models.BooleanField(default=False)
    class Meta:
        abstract = True
class UUIDModel(models.Model):
    id = models.UUIDField(primary_key=True)
    class Meta:
        abstract = True
""",
    "django_extensions.db.models": """
from django.db import models
class TimeStampedModel(models.Model):
    created = models.CreationDateTimeField()
    modified = models.ModificationDateTimeField()
    class Meta:
        abstract = True
class TitleDescriptionModel(models.Model):
    title = models.CharField(max_length=255)
    description = models.TextField(null=True)
    class Meta:
        abstract = True
class TitleSlugDescriptionModel(TitleDescriptionModel):
    slug = models.AutoSlugField()
    class Meta:
        abstract = True
class ActivatorModel(models.Model):
    status = models.IntegerField(default=1)
    activate_date = models.DateTimeField(null=True)
    deactivate_date = models.DateTimeField(null=True)
    class Meta:
        abstract = True
""",
    "taggit.models": """
from django.db import models
class TagBase(models.Model):
    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)
    class Meta:
        abstract = True
class ItemBase(models.Model):
    class Meta:
        abstract = True
class CommonGenericTaggedItemBase(ItemBase):
    content_type = models.ForeignKey("contenttypes.ContentType", on_delete=models.CASCADE)
    class Meta:
        abstract = True
class GenericTaggedItemBase(CommonGenericTaggedItemBase):
    object_id = models.IntegerField(db_index=True)
    class Meta:
        abstract = True
""",
    "rest_framework_api_key.models": """
from django.db import models
class AbstractAPIKey(models.Model):
    id = models.CharField(max_length=150, unique=True, primary_key=True)
    prefix = models.CharField(max_length=8, unique=True)
    hashed_key = models.CharField(max_length=150)
    created = models.DateTimeField(db_index=True)
    name = models.CharField(max_length=50)
    revoked = models.BooleanField(default=False)
    expiry_date = models.DateTimeField(null=True)
    class Meta:
        abstract = True
""",
    "mptt.models": """
from django.db import models
class MPTTModel(models.Model):
    lft = models.PositiveIntegerField()
    rght = models.PositiveIntegerField()
    tree_id = models.PositiveIntegerField(db_index=True)
    level = models.PositiveIntegerField()
    class Meta:
        abstract = True
""",
    "treebeard.mp_tree": """
from django.db import models
class MP_Node(models.Model):
    path = models.CharField(max_length=255, unique=True)
    depth = models.PositiveIntegerField()
    numchild = models.PositiveIntegerField(default=0)
    class Meta:
        abstract = True
""",
    "polymorphic.models": """
from django.db import models
class PolymorphicModel(models.Model):
    polymorphic_ctype = models.ForeignKey("contenttypes.ContentType", null=True, on_delete=models.CASCADE)
    class Meta:
        abstract = True
""",
    "ordered_model.models": """
from django.db import models
class OrderedModel(models.Model):
    order = models.PositiveIntegerField(db_index=True)
    class Meta:
        abstract = True
""",
    "wagtail.models": """
from django.db import models
class Page(models.Model):
    title = models.CharField(max_length=255)
    class Meta:
        app_label = "wagtailcore"
""",
}
"""Python text by the module it stands for. Only the base classes that are declared here make columns of others."""

KNOWN_FOLDER = "<known>"
"""Where these modules are said to lie: no path of a repository."""

TABLES = {("contenttypes", "contenttype"): "django_content_type", ("sites", "site"): "django_site",
          ("sessions", "session"): "django_session", ("admin", "logentry"): "django_admin_log"}  # fmt: skip
"""Tables of Django's own models that are not called by app and model."""
