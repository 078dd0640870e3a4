import opperweb.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('functions', '0003_datasets_and_replays'),
    ]

    operations = [
        migrations.AlterField(
            model_name='function',
            name='dataset_id',
            field=models.UUIDField(default=opperweb.ids.uuid7, editable=False, unique=True),
        ),
    ]
